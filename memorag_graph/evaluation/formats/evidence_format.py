"""The evidence format: ``documents.jsonl`` and ``questions.jsonl``, with evidence as character offsets.

A document is ``{"id", "text"}``. A question is ``{"id", "document_id", "query", "answer", "evidence", "kind"}``:
``answer`` is a text or a list of texts, ``evidence`` a list of ``[start, end]``, ``kind`` one of
:data:`memorag_graph.evaluation.dataset.KINDS`.
"""

from pathlib import Path

from memorag_graph.documents import Document
from memorag_graph.errors import InputError
from memorag_graph.evaluation.dataset import DataSet
from memorag_graph.evaluation.formats.rows import Questions, read_rows

DOCUMENTS = "documents.jsonl"
QUESTIONS = "questions.jsonl"


def read_evidence(directory: Path) -> DataSet:
    """Read a data set in the evidence format.

    Raises:
        InputError: If a value is invalid; the message names file, line and field.
    """
    documents: dict[str, Document] = {}
    for row in read_rows(directory / DOCUMENTS):
        name = row.text("id")
        if name in documents:
            raise row.fault("id", f"{name!r} is also the id of another document")
        documents[name] = Document(name, row.text("text"))
    questions = Questions()
    for row in read_rows(directory / QUESTIONS):
        document_id = row.text("document_id")
        if document_id not in documents:
            raise row.fault("document_id", f"{document_id!r} is not a document of {directory / DOCUMENTS}")
        text = documents[document_id].text
        spans = [row.span("evidence", pair, text) for pair in row.items("evidence")]
        questions.add(row, "id", document_id, row.text("query"), row.texts("answer"), spans, row.kind())
    if not questions.checked:
        raise InputError("dataset", f"{directory / QUESTIONS} contains no questions")
    return DataSet(directory.resolve().name, documents, tuple(questions.checked))
