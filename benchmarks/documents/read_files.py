"""Read files of many formats that other programs wrote, and compare with what they say.

For each file: the share of its sentences that are found whole and in order; the share of its table's cells that stand
in one line with the names of their row and column; whether each section begins its page; whether hidden text is left
out and unreadable files are refused; whether questions about the table and the text are answered, and every citation
is in the text.

Usage: python benchmarks/documents/read_files.py [--keep DIR]
"""

import argparse
import re
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))
from answers import Asker
from common import write_result
from samples import Sample
from written_files import Written, all_files

from memorag_graph.documents import Document, read_document
from memorag_graph.errors import InputError, MemoragError

RAW = re.compile(
    r"\\(?:par|pard|rtf1|fonttbl)\b|<\/?(?:w|a|text|office):\w+|<\/?(?:td|tr|p|div|span)\b|PK\x03\x04|\x00|endobj"
)
"""Control words of formats, which are no text."""

_SPACES = re.compile(r"\s+")


def main() -> None:
    """Write, read, compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keep", type=Path, help="directory for the files; by default a temporary one")
    keep = parser.parse_args().keep
    with tempfile.TemporaryDirectory() as temporary:
        directory = keep or Path(temporary)
        directory.mkdir(parents=True, exist_ok=True)
        asker = Asker()
        files = [compare(written, asker) for written in all_files(directory)]
    table = summary(files)
    print(as_markdown(table))
    write_result("documents", {"files": len(files), "formats": table, "each": files})


def compare(written: Written, asker: Asker) -> dict[str, Any]:
    """Read a file, compare it with its sample, and ask it."""
    found: dict[str, Any] = {"file": written.path.name, "program": written.program}
    found["format"] = written.path.suffix[1:]
    start = time.perf_counter()
    try:
        document = read_document(written.path, name=written.path.name)
    except InputError as error:
        return found | {"refused": str(error), "right": float(written.refused)}
    except MemoragError as error:
        return found | {"refused": str(error), "right": 0.0}
    except Exception as error:  # noqa: BLE001 - a crash is a result
        return found | {"crash": repr(error), "right": 0.0}
    found["seconds"] = time.perf_counter() - start
    if written.refused:
        return found | {"right": 0.0, "read": document.text[:80]}
    given = written.sample
    found["raw"] = len(RAW.findall(document.text))
    found["hidden"] = float(given.hidden in _plain(document.text))
    if "text" in written.parts:
        found["text"] = sentences_in_order(document, given)
    if "table" in written.parts:
        found["table"] = cells_in_rows(document, given)
    if "pages" in written.parts:
        found["pages"] = sections_on_pages(document, given)
    found |= asker.ask(document, written)
    shares = [found[name] for name in ("text", "table", "pages") if name in found]
    return found | {"right": float(min(shares) == 1.0 and not found["raw"] and not found["hidden"])}


def _plain(text: str) -> str:
    return _SPACES.sub(" ", text)


def sentences_in_order(document: Document, given: Sample) -> float:
    """Return the share of sentences that are found whole, after the ones before them."""
    text, place, count = _plain(document.text), 0, 0
    for sentence in given.sentences:
        at = text.find(sentence, place)
        if at >= 0:
            count += 1
            place = at + len(sentence)
    return count / len(given.sentences)


def cells_in_rows(document: Document, given: Sample) -> float:
    """Return the share of cells found in a line with the names of their row and column, and no other row's name."""
    count = 0
    for row in given.rows:
        for column, cell in zip(given.columns[1:], row[1:], strict=True):
            count += any(
                re.search(rf"\b{cell}\b", line) and row[0] in line and (column in line or column in (header or ""))
                for line, header in lines_of(document)
            )
    return count / sum(len(row) - 1 for row in given.rows)


def lines_of(document: Document) -> list[tuple[str, str | None]]:
    """Return the lines of a text, each with the header of its table."""
    lines, start = [], 0
    for line in document.text.split("\n"):
        lines.append((line, document.page_map.header(start)))
        start += len(line) + 1
    return lines


def sections_on_pages(document: Document, given: Sample) -> float:
    """Return the share of sections whose first sentence is on the page that they begin."""
    count = 0
    for number, section in enumerate(given.sections, start=1):
        at = document.text.find(section.sentences[0][:30])
        count += at >= 0 and document.page_map.page(at) == number
    return count / len(given.sections)


def summary(files: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the means of each format and program."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for file in files:
        groups[file["format"], file["program"]].append(file)
    return [_means(*key, group) for key, group in sorted(groups.items())]


def _means(suffix: str, program: str, group: list[dict[str, Any]]) -> dict[str, Any]:
    row: dict[str, Any] = {"format": suffix, "program": program, "files": len(group)}
    for name in (
        "text",
        "table",
        "pages",
        "hidden",
        "raw",
        "seconds",
        "answer_text",
        "answer_table",
        "false_citations",
    ):
        values = [file[name] for file in group if name in file]
        row[name] = round(statistics.mean(values), 3) if values else None
    row["refused"] = sum("refused" in file for file in group)
    row["crashes"] = sum("crash" in file for file in group)
    row["right"] = sum(file["right"] == 1.0 for file in group)
    return row


def as_markdown(table: list[dict[str, Any]]) -> str:
    """Return the table as Markdown."""
    names = list(table[0])
    cells = [names, ["---"] * len(names), *([_shown(row[name]) for name in names] for row in table)]
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)


def _shown(value: object) -> str:
    return "" if value is None else str(value)


if __name__ == "__main__":
    main()
