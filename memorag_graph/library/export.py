"""Export a library as JSON lines."""

import json
import os
from pathlib import Path

from memorag_graph.disk_errors import telling
from memorag_graph.library.stores import Stores
from memorag_graph.private_files import protect


def export(path: Path, stores: Stores) -> int:
    """Write a line for each version of each document, with its text; a file of that name is replaced at the end.

    Returns:
        The number of lines.

    Raises:
        DiskError: If the file cannot be written.
        LibraryError: If a text is missing or damaged.
    """
    entries = stores.catalogue.entries()
    unfinished = path.absolute().with_name(f".{path.name}-{os.getpid()}")
    try:
        with telling(path, "written"):
            with unfinished.open("w", encoding="utf-8") as file:
                for entry in entries:
                    document = stores.document(entry)
                    fields = {**entry.to_dict(), **document.page_map.to_dict(), "text": document.text}
                    file.write(json.dumps(fields, ensure_ascii=False) + "\n")
            protect(unfinished)
            unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return len(entries)
