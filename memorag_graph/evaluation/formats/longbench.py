"""LongBench's format: JSON lines of ``input``, ``context``, ``answers`` and ``_id`` (Bai et al., ACL 2024).

An empty ``input`` asks for a summary of the context.
"""

import hashlib
from pathlib import Path

from memorag_graph.documents import Document
from memorag_graph.errors import InputError
from memorag_graph.evaluation.dataset import DataSet
from memorag_graph.evaluation.formats.rows import Questions, read_rows
from memorag_graph.prompts import Prompts
from memorag_graph.text.languages import detect_language

_ID_LENGTH = 16


def read_longbench(path: Path) -> DataSet:
    """Read a file in LongBench's format; equal contexts become one document.

    Raises:
        InputError: If a value is invalid; the message names file, line and field.
    """
    documents: dict[str, Document] = {}
    questions = Questions()
    for row in read_rows(path):
        text = row.text("context")
        document_id = hashlib.sha256(text.encode()).hexdigest()[:_ID_LENGTH]
        documents.setdefault(document_id, Document(document_id, text))
        query = row.text("input", may_be_empty=True)
        answers = row.texts("answers")
        if not answers:
            raise row.fault("answers", "is empty; give at least one reference answer")
        if query.strip():
            questions.add(row, "_id", document_id, query, answers, [], "specific")
        else:
            request = Prompts(detect_language(text)).summary_question
            questions.add(row, "_id", document_id, request, answers, [], "general")
    if not questions.checked:
        raise InputError("dataset", f"{path} contains no questions")
    return DataSet(path.stem, documents, tuple(questions.checked))
