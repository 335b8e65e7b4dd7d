"""Choosing heads: what each is worth against the library's own attention, the command, and data that cannot be used."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from memorag_graph.cli import app
from memorag_graph.documents import Document
from memorag_graph.errors import InputError
from memorag_graph.memory.choosing import Asked, LabelledDocument, choose_heads, read_labelled
from memorag_graph.memory.heads import HeadChoice, all_heads, find_heads, read_heads
from memorag_graph.memory.local import LocalMemoryModel
from memorag_graph.memory.pointing import CONTENT_FREE, can_point
from memorag_graph.prompts import Prompts
from memorag_graph.registry import Registry
from tests.conftest import TEXT
from tests.test_pointing import FULL, at_window, characters, eager_weights

LABELLED = [
    LabelledDocument(
        Document("a", TEXT[:700]), [Asked("Who was proud?", [(80, 140), (300, 310)]), Asked("Why so?", [(500, 600)])]
    ),
    LabelledDocument(Document("b", TEXT[1000:1500]), [Asked("How many lorries?", [(0, 50)])]),
]


def evidence_lift(model: LocalMemoryModel, prompts: Prompts) -> np.ndarray:
    """The oracle: what every head pays to the evidence and to all, beyond the content-free question, by the library."""
    heads = all_heads(model.language_model)
    rows = []
    for it in LABELLED:
        memory = model.memorize([it.document], prompts, FULL)
        drawn = eager_weights(model, memory, CONTENT_FREE, heads)
        for asked in it.asked:
            paid = eager_weights(model, memory, asked.question, heads)
            on_evidence, on_all = np.zeros(len(heads)), np.zeros(len(heads))
            among = count = 0
            for _, shard, places in characters(model, memory):
                for token, character in places:
                    gained = np.maximum(0, (paid[shard] - drawn[shard])[:, token])
                    is_evidence = any(start <= character < end for start, end in asked.evidence)
                    on_all += gained
                    on_evidence += gained * is_evidence
                    among, count = among + is_evidence, count + 1
            rows.append(on_evidence / on_all / (among / count))
    return np.mean(rows, axis=0)


@pytest.mark.parametrize("window", [4096, 800], ids=["one shard", "several shards"])
def test_the_heads_that_look_at_the_evidence_are_chosen(window: int, prompts: Prompts) -> None:
    model = at_window(window)
    expected = evidence_lift(model, prompts)
    heads = all_heads(model.language_model)
    choice = choose_heads(model, LABELLED, prompts, 3, dataset="letters")
    assert list(choice.heads) == [heads[number] for number in np.argsort(-expected)[:3]]
    assert choice.chosen["scores"] == pytest.approx(sorted(expected, reverse=True)[:3], abs=1e-3)
    assert choice.chosen["questions"] == 3
    choice.require(model.language_model, "it")


@pytest.mark.parametrize("count", [0, 9])
def test_a_number_of_heads_that_the_model_does_not_have_is_refused(count: int, prompts: Prompts) -> None:
    with pytest.raises(InputError, match="heads"):
        choose_heads(at_window(4096), LABELLED, prompts, count)


def written(folder: Path, documents: object, questions: object) -> str:
    for name, rows in (("documents", documents), ("questions", questions)):
        (folder / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return str(folder)


DOCUMENTS = [{"id": it.document.source, "text": it.document.text} for it in LABELLED]
QUESTIONS = [
    {"document_id": it.document.source, "query": asked.question, "evidence": asked.evidence}
    for it in LABELLED
    for asked in it.asked
]


def test_a_data_set_is_read_as_it_was_written(tmp_path: Path) -> None:
    general = {"document_id": "a", "query": "Summarize", "evidence": []}
    folder = Path(written(tmp_path, DOCUMENTS, [*QUESTIONS, general]))
    assert read_labelled(folder) == LABELLED
    assert read_labelled(folder, limit=1) == LABELLED[:1]


@pytest.mark.parametrize(
    ("questions", "complaint"),
    [
        ([{"document_id": "a", "query": "Why?", "evidence": []}], "no question with evidence"),
        ([{"document_id": "a", "query": "Why?"}], "line 1 has no evidence"),
        (["Why?"], "line 1 has no document_id"),
    ],
)
def test_data_that_cannot_be_used_is_refused(tmp_path: Path, questions: list[object], complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        read_labelled(Path(written(tmp_path, DOCUMENTS, questions)))


def test_data_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_labelled(tmp_path)


def test_the_command_writes_heads_that_are_then_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prompts: Prompts, capsys: pytest.CaptureFixture[str]
) -> None:
    model = at_window(4096)
    registry = Registry()
    registry.add_memory_model("tiny", model)
    monkeypatch.setattr("memorag_graph.registry.Registry", lambda: registry)
    folder = written(tmp_path, DOCUMENTS, QUESTIONS)
    memory = model.memorize([LABELLED[0].document], prompts, FULL)
    assert can_point(model, memory) is not None
    monkeypatch.setattr(sys, "argv", ["memorag-graph", "choose-heads", folder, "--model", "tiny", "--heads", "2"])
    with pytest.raises(SystemExit) as ended:
        app.main()
    assert not ended.value.code
    assert "Heads (layer.head), best first" in capsys.readouterr().out
    assert find_heads(model.language_model) == choose_heads(model, LABELLED, prompts, 2, dataset=tmp_path.name)
    assert can_point(model, memory) is None
    elsewhere = tmp_path / "mine" / "heads.json"
    monkeypatch.setattr(sys, "argv", [*sys.argv, "--out", str(elsewhere), "--json"])
    with pytest.raises(SystemExit):
        app.main()
    shown = HeadChoice.model_validate_json(capsys.readouterr().out)
    assert shown == read_heads(elsewhere, model.language_model)
