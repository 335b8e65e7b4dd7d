"""Read Jupyter notebooks: Markdown with its headings, code, and the outputs that are text."""

import json
import re
from collections.abc import Iterator
from typing import Any

from memorag_graph.documents.document import Document
from memorag_graph.documents.document_builder import Builder
from memorag_graph.documents.file import File
from memorag_graph.documents.html import add_html
from memorag_graph.documents.json_records import MOST_BYTES, parse_json, read_json
from memorag_graph.documents.markdown import markdown_page_map

_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_LABELLED = re.compile(r"[:=.!?]\s|[:=.!?]$|^[\[{(<]")
_MOST_OUTPUT = 100_000
"""Characters of an output beyond which it is cut."""


def read_notebook(file: File) -> Document | Builder:
    """Read the cells in order (nbformat 3 and 4).

    Raises:
        InputError: If it is too large, nested too deeply or contains no text.
        MissingExtraError: If an output is HTML and the extra ``documents`` is not installed.
    """
    try:
        notebook = parse_json(file.text(most=MOST_BYTES), file.name)
    except json.JSONDecodeError:
        notebook = None
    cells = list(_cells(notebook))
    if not cells:
        return read_json(file)
    builder = Builder(file.name)
    for cell in cells:
        source = _text(cell.get("source", cell.get("input")))
        if cell.get("cell_type") == "heading":
            builder.heading(source)
        elif cell.get("cell_type") == "markdown":
            places = markdown_page_map(source)
            builder.text(source, places.sections, tables=places.tables)
        else:
            builder.text(source)
        for output in _dictionaries(cell.get("outputs")):
            _add_output(builder, output, file.name)
    return builder


def _cells(notebook: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - any JSON value
    if isinstance(notebook, dict):
        yield from _dictionaries(notebook.get("cells"))
        for sheet in _dictionaries(notebook.get("worksheets")):
            yield from _dictionaries(sheet.get("cells"))


def _dictionaries(value: Any) -> list[dict[str, Any]]:  # noqa: ANN401
    return [it for it in value if isinstance(it, dict)] if isinstance(value, list) else []


def _text(value: Any) -> str:  # noqa: ANN401
    """Return a text that may be split in lines."""
    if isinstance(value, list):
        return "".join(it for it in value if isinstance(it, str))
    return value if isinstance(value, str) else ""


def _labelled(text: str) -> str:
    """Return an output; a single line without a label gets one, as it is no sentence: "Output: loss 0.183"."""
    line = text.strip()
    return text if not line or "\n" in line or _LABELLED.search(line) else f"Output: {line}"


def _add_output(builder: Builder, output: dict[str, Any], name: str) -> None:
    """Add what an output shows: its HTML if that is a table, else its text; the last line of an error."""
    data = output.get("data", output)
    data = data if isinstance(data, dict) else {}
    html = _text(data.get("text/html", data.get("html")))
    if "<table" in html:
        add_html(builder, html[:_MOST_OUTPUT], name)
    elif output.get("output_type") in ("error", "pyerr"):
        builder.text(": ".join(filter(None, (_text(output.get("ename")), _text(output.get("evalue"))))))
    else:
        text = _text(data.get("text/plain", data.get("text")))
        builder.text(_labelled(_COLOURS.sub("", text[:_MOST_OUTPUT])))
    if len(html) > _MOST_OUTPUT or len(_text(data.get("text/plain", data.get("text")))) > _MOST_OUTPUT:
        builder.notice(f"Outputs of more than {_MOST_OUTPUT:,} characters were cut.")
