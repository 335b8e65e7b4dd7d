"""A folder of text files with a ``questions.jsonl`` that names them.

A question is ``{"document": "letters.txt", "query": "..."}`` with optional ``answer`` (a text or a list of texts),
``evidence`` (a list of quotations, or of ``[start, end]``), ``id`` and ``kind``.
"""

import re
from dataclasses import replace
from pathlib import Path

from memorag_graph.documents import Document, read_document
from memorag_graph.errors import InputError
from memorag_graph.evaluation.dataset import DataSet, Kind, Span
from memorag_graph.evaluation.formats.evidence_format import QUESTIONS
from memorag_graph.evaluation.formats.rows import Questions, Row, read_rows


def read_folder(directory: Path) -> DataSet:
    """Read a folder of text files and questions about them.

    Raises:
        InputError: If a value is invalid; the message names file, line and field.
    """
    documents: dict[str, Document] = {}
    questions = Questions()
    for read in read_rows(directory / QUESTIONS):
        row = replace(read, values={"id": f"line-{read.line}", **read.values})
        name = row.text("document")
        if name not in documents:
            documents[name] = _read(directory, name, row)
        answers = row.texts("answer") if "answer" in row.values else ()
        evidence = row.items("evidence") if "evidence" in row.values else []
        spans = [_span(row, item, documents[name].text) for item in evidence]
        default: Kind = "retrieval" if spans and not answers else "specific"
        kind = row.kind() if "kind" in row.values else default
        questions.add(row, "id", name, row.text("query"), answers, spans, kind)
    if not questions.checked:
        raise InputError("dataset", f"{directory / QUESTIONS} contains no questions")
    return DataSet(directory.resolve().name, documents, tuple(questions.checked))


def _read(directory: Path, name: str, row: Row) -> Document:
    path = (directory / name).resolve()
    if not path.is_relative_to(directory.resolve()):
        raise row.fault("document", f"{name!r} is outside the folder")
    try:
        return Document(name, read_document(path).text)
    except InputError as error:
        raise row.fault("document", str(error)) from None


def _span(row: Row, item: object, text: str) -> Span:
    """Read offsets, or find a quotation; any white space matches any other.

    Raises:
        InputError: If the quotation does not occur in the document exactly once.
    """
    if not isinstance(item, str):
        return row.span("evidence", item, text)
    words = item.split()
    if not words:
        raise row.fault("evidence", "contains an empty quotation")
    found = [match.span() for match in re.finditer(r"\s+".join(map(re.escape, words)), text)]
    shown = f"the quotation {item[:60]!r}"
    if not found:
        raise row.fault("evidence", f"{shown} does not occur in the document")
    if len(found) > 1:
        places = ", ".join(str(start) for start, _ in found[:5])
        raise row.fault("evidence", f"{shown} occurs {len(found)} times (at {places}); quote more, or give offsets")
    return found[0]
