"""Data sets are validated on input; errors name file, line and field."""

import codecs
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from memorag_graph.errors import InputError
from memorag_graph.evaluation.dataset import DataSet, shared, union
from memorag_graph.evaluation.formats.load_dataset import load_dataset

TEXT = "The ferry left at noon.\nCaptain Kemp was proud.  The ferry came back\nat night."
DOCUMENT = {"id": "d", "text": TEXT}
QUESTION = {
    "id": "q1",
    "document_id": "d",
    "query": "When did it leave?",
    "answer": "At noon.",
    "evidence": [[0, 23]],
    "kind": "specific",
}


def lines(path: Path, *rows: object) -> None:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")


def evidence_set(place: Path, *questions: object, documents: tuple[object, ...] = (DOCUMENT,)) -> DataSet:
    lines(place / "documents.jsonl", *documents)
    lines(place / "questions.jsonl", *questions)
    return load_dataset(place)


def without(field: str) -> dict[str, Any]:
    return {key: value for key, value in QUESTION.items() if key != field}


def test_the_evidence_format(tmp_path: Path) -> None:
    general = {**QUESTION, "id": "q2", "kind": "general", "evidence": [], "answer": ["One.", "Two."]}
    data_set = evidence_set(tmp_path, {**QUESTION, "evidence": [[10, 30], [0, 12]]}, general)
    first, second = data_set.questions
    assert data_set.documents["d"].text == TEXT
    assert (first.answers, first.evidence, first.kind) == (("At noon.",), ((0, 30),), "specific")
    assert (second.answers, second.evidence, second.kind) == (("One.", "Two."), (), "general")


def test_byte_order_marks_of_files_and_texts_are_removed(tmp_path: Path) -> None:
    marked = {**DOCUMENT, "text": f"\ufeff{TEXT}"}
    data_set = evidence_set(tmp_path, {**QUESTION, "query": "\ufeffWhen?"}, documents=(marked,))
    (tmp_path / "questions.jsonl").write_bytes(codecs.BOM_UTF8 + (tmp_path / "questions.jsonl").read_bytes())
    assert load_dataset(tmp_path).questions == data_set.questions
    assert (data_set.documents["d"].text, data_set.questions[0].query) == (TEXT, "When?")


@pytest.mark.parametrize("field", sorted(QUESTION))
def test_a_missing_field_is_named(tmp_path: Path, field: str) -> None:
    with pytest.raises(InputError, match=rf"^{field}: .*questions\.jsonl, line 2: is missing"):
        evidence_set(tmp_path, QUESTION, without(field))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"evidence": [[0, 10_000]]},
            r"evidence: .*line 1: \[0, 10000\] is outside the document, which has 78 char",
        ),
        ({"evidence": [[-1, 5]]}, "is outside the document"),
        ({"evidence": [[5, 5]]}, "is outside the document"),
        ({"evidence": [[True, 5]]}, r"must be a list of \[start, end\]"),
        ({"evidence": [[1, 2, 3]]}, r"must be a list of \[start, end\]"),
        ({"evidence": "0-23"}, "evidence: .*must be a list, not '0-23'"),
        ({"document_id": "other"}, "document_id: .*line 1: 'other' is not a document of"),
        ({"kind": "hard"}, "kind: .*'hard' is unknown; choose from specific, general, retrieval, unanswerable"),
        ({"query": "  "}, "query: .*line 1: is empty"),
        ({"query": 5}, "query: .*must be a text, not 5"),
        ({"answer": 5}, "answer: .*must be a text or a list of texts, not 5"),
        ({"answer": "", "evidence": []}, "answer: .*there is nothing to score against"),
        ({"kind": "unanswerable"}, "kind: .*an unanswerable question has neither answer nor evidence"),
    ],
)
def test_an_invalid_value_is_named(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        evidence_set(tmp_path, {**QUESTION, **change})


def test_duplicate_ids_are_named_with_both_lines(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"id: .*questions\.jsonl, line 3: 'q1' is also the id of line 1"):
        evidence_set(tmp_path, QUESTION, {**QUESTION, "id": "q2"}, QUESTION)
    with pytest.raises(InputError, match=r"id: .*documents\.jsonl, line 2: 'd' is also the id of another document"):
        evidence_set(tmp_path, QUESTION, documents=(DOCUMENT, DOCUMENT))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"id": "q1"', r"questions\.jsonl, line 1: is not valid JSON"),
        ("[1]", r"line 1: must be a JSON object, not \[1\]"),
        ("\n\n", "contains no questions"),
    ],
)
def test_lines_that_are_not_questions_are_refused(tmp_path: Path, content: str, message: str) -> None:
    lines(tmp_path / "documents.jsonl", DOCUMENT)
    (tmp_path / "questions.jsonl").write_text(content)
    with pytest.raises(InputError, match=message):
        load_dataset(tmp_path)


def test_files_that_are_not_data_sets_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"dataset: .* is not a data set; give a folder with questions\.jsonl"):
        load_dataset(tmp_path / "nothing")
    (tmp_path / "data.jsonl").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"data\.jsonl cannot be read"):
        load_dataset(tmp_path / "data.jsonl")


def test_longbench(tmp_path: Path) -> None:
    row = {"input": "When?", "context": TEXT, "answers": ["noon", "at noon"], "_id": "1", "dataset": "narrativeqa"}
    lines(tmp_path / "narrative.jsonl", row, {**row, "_id": "2", "input": ""}, {**row, "_id": "3", "context": "Other."})
    data_set = load_dataset(tmp_path / "narrative.jsonl")
    first, second, third = data_set.questions
    assert data_set.name == "narrative"
    assert first.document_id == second.document_id != third.document_id
    assert (first.kind, first.answers) == ("specific", ("noon", "at noon"))
    assert (second.kind, second.query) == ("general", "Summarize the document.")
    lines(tmp_path / "bad.jsonl", row, {**row, "_id": "2", "answers": []})
    with pytest.raises(InputError, match=r"answers: .*bad\.jsonl, line 2: is empty"):
        load_dataset(tmp_path / "bad.jsonl")


def own_folder(place: Path, *questions: object) -> DataSet:
    (place / "log.txt").write_text(TEXT)
    lines(place / "questions.jsonl", *questions)
    return load_dataset(place)


def test_a_folder_of_text_files(tmp_path: Path) -> None:
    asked = {"document": "log.txt", "query": "When did it come back?"}
    data_set = own_folder(
        tmp_path,
        {**asked, "evidence": ["The ferry came back at night."]},
        {**asked, "answer": "At night.", "evidence": [[0, 3]]},
        {**asked, "id": "summary", "answer": "A ferry.", "kind": "general"},
        {**asked, "kind": "unanswerable"},
    )
    assert [(it.id, it.kind) for it in data_set.questions] == [
        ("line-1", "retrieval"),
        ("line-2", "specific"),
        ("summary", "general"),
        ("line-4", "unanswerable"),
    ]
    ((start, end),) = data_set.questions[0].evidence
    assert TEXT[start:end] == "The ferry came back\nat night."


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"evidence": ["The train"]}, "evidence: .*line 1: the quotation 'The train' does not occur in the document"),
        ({"evidence": ["The ferry"]}, r"the quotation 'The ferry' occurs 2 times \(at 0, 49\); quote more, or give"),
        ({"evidence": [" "]}, "contains an empty quotation"),
        ({"evidence": [5]}, r"must be a list of \[start, end\]"),
        ({"document": "other.txt"}, r"document: .*line 1: .*other\.txt does not exist"),
        ({"document": "../secret.txt"}, "is outside the folder"),
        ({}, "there is nothing to score against"),
    ],
)
def test_invalid_values_in_a_folder_are_named(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        own_folder(tmp_path, {"document": "log.txt", "query": "What?", **change})


def test_the_hash_changes_with_every_field(tmp_path: Path) -> None:
    hashes = {evidence_set(tmp_path, {**QUESTION, **change}).sha256 for change in ({}, {"answer": "x"}, {"query": "y"})}
    assert len(hashes) == 3
    assert evidence_set(tmp_path, QUESTION).sha256 == evidence_set(tmp_path, QUESTION).sha256


def test_spans_as_sets_of_characters() -> None:
    some, others = [(5, 9), (0, 3), (2, 6), (12, 13)], [(1, 2), (8, 20)]
    as_set = {at for start, end in some for at in range(start, end)}
    merged = union(some)
    assert {at for start, end in merged for at in range(start, end)} == as_set
    assert all(end < start for (_, end), (start, _) in pairwise(merged))
    assert shared(merged, others) == len(as_set & {at for start, end in others for at in range(start, end)})
