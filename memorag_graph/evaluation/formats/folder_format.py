"""A folder of your own: text files, and ``questions.jsonl`` that names them.

A question is ``{"document": "letters.txt", "query": "..."}`` with, as far as they are known, ``answer`` (a text or
a list of texts) and ``evidence`` (a list of quotations, or of ``[start, end]``), and if wanted ``id`` and ``kind``.
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
        InputError: Naming the file, line and field that cannot be used.
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
    if not questions.read:
        raise InputError("dataset", f"{directory / QUESTIONS} holds no question")
    return DataSet(directory.resolve().name, documents, tuple(questions.read))


def _read(directory: Path, name: str, row: Row) -> Document:
    path = (directory / name).resolve()
    if not path.is_relative_to(directory.resolve()):
        raise row.fault("document", f"{name!r} is outside the folder")
    try:
        return Document(name, read_document(path).text)
    except InputError as error:
        raise row.fault("document", str(error)) from None


def _span(row: Row, item: object, text: str) -> Span:
    """Read offsets, or find a quotation; runs of white space in it match any others.

    Raises:
        InputError: If it does not stand in the document, or more than once.
    """
    if not isinstance(item, str):
        return row.span("evidence", item, text)
    words = item.split()
    if not words:
        raise row.fault("evidence", "holds an empty quotation")
    found = [match.span() for match in re.finditer(r"\s+".join(map(re.escape, words)), text)]
    shown = f"the quotation {item[:60]!r}"
    if not found:
        raise row.fault("evidence", f"{shown} does not stand in the document")
    if len(found) > 1:
        places = ", ".join(str(start) for start, _ in found[:5])
        raise row.fault("evidence", f"{shown} stands {len(found)} times (at {places}); quote more, or give offsets")
    return found[0]
