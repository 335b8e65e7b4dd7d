"""Articles with sections and their summaries: those of wikitexts in chunk_evidence, whose leads sum up the rest."""

import json
import re
from pathlib import Path
from tempfile import TemporaryDirectory

from memorag_graph.documents import Document, read_document
from memorag_graph.evaluation.dataset import Question

_TITLE = re.compile(r"^ = ([^=;\n]+?) = *$", re.MULTILINE)
_SECTION = re.compile(r"^ (= (?:= )+)([^=\n]+?) (?:= )+ *$", re.MULTILINE)
_UNKNOWN = re.compile(r" ?<unk>")
_PARTED = re.compile(r" @(.)@ ")
_BEFORE = re.compile(r" (?=[,.;:)]|'s\b)")
_AFTER = re.compile(r"(?<=\() ")
_COLUMNS = re.compile(r"(?:GP|A|PIM|TOI|L|GA|Sv)")
"""Keys of a table that are written as titles are."""


def articles(folder: Path) -> list[tuple[Document, Question]]:
    """Return each article without its lead, as Markdown is read, with the request for a summary that the lead answers.

    Args:
        folder: ``chunk_evidence``.
    """
    lines = (folder / "documents.jsonl").read_text(encoding="utf-8").splitlines()
    text = next(it["text"] for it in map(json.loads, lines) if it["id"] == "wikitexts")
    pieces = _TITLE.split(_plain(text))
    found = []
    for title, body in zip(pieces[1::2], pieces[2::2], strict=True):
        if (first := _SECTION.search(body)) is None or _COLUMNS.fullmatch(title.strip()):
            continue
        name = re.sub(r"\W+", "_", title.strip())
        document = _read(f"{name}.md", _SECTION.sub(_heading, body[first.start() :]))
        found.append((document, Question(name, document.source, "", (body[: first.start()].strip(),), (), "general")))
    return found


def _heading(section: re.Match[str]) -> str:
    return f"{'#' * section[1].count('=')} {section[2]}"


def _plain(text: str) -> str:
    """Undo what tokenizing has done to a text."""
    return _AFTER.sub("", _BEFORE.sub("", _PARTED.sub(r"\1", _UNKNOWN.sub("", text))))


def _read(name: str, text: str) -> Document:
    with TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_text("\n\n".join(line.strip() for line in text.splitlines() if line.strip()), encoding="utf-8")
        return read_document(path)
