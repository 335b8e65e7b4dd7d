"""Training adapters: what is chosen to be learned, how it is learned, and that a killed run goes on."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from memorag_graph.cli.main import app
from memorag_graph.documents import Document
from memorag_graph.errors import InputError
from memorag_graph.evaluation import significance
from memorag_graph.evaluation.dataset import DataSet, Question
from memorag_graph.evaluation.workbench import Workbench
from memorag_graph.inference.low_rank import LowRank
from memorag_graph.memory.backends.local import LocalMemoryModel
from memorag_graph.models.adapter import load_adapter
from memorag_graph.models.language_model import LanguageModel
from memorag_graph.registry import Registry
from memorag_graph.settings import RunOptions
from memorag_graph.training import targets as targets_module
from memorag_graph.training import train as train_module
from memorag_graph.training.candidates import drafts, spans, surrogates
from memorag_graph.training.held_out import split
from memorag_graph.training.learner import Learner
from memorag_graph.training.lessons import Lesson
from memorag_graph.training.targets import TargetChooser, reply
from memorag_graph.training.train import ADAPTER, LOG, REPORT, Plan, train
from tests.conftest import TINY, HashEmbeddings, prefill, tiny_model
from tests.evaluation_process import OPTIONS, data_set

LESSONS = [Lesson([50, 60, 70], [80, 90, 1]), Lesson([55, 65], [75, 85, 95, 105, 1])]


@pytest.fixture(autouse=True)
def _few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(significance, "RESAMPLES", 99)


def plain_model(kind: str = "llama") -> LanguageModel:
    return tiny_model(kind, fast_paths="off")


def expected_loss(model: LanguageModel, before: list[int]) -> float:
    """The loss of the model that reads prefix, prompt and reply in one go."""
    losses = []
    for it in LESSONS:
        whole = [*before, *it.prompt, *it.reply]
        with torch.inference_mode():
            logits = model.model(torch.tensor([whole])).logits[0].log_softmax(-1)
        first = len(before) + len(it.prompt)
        losses += [-float(logits[place - 1, whole[place]]) for place in range(first, len(whole))]
    return sum(losses) / len(losses)


@pytest.mark.parametrize("kind", ["llama", "qwen2"])
def test_the_loss_is_that_of_reading_everything_in_one_go(kind: str) -> None:
    model, before = plain_model(kind), list(range(5, 45))
    learner = Learner(model, 2, 1e-2, 10)
    assert float(learner.loss(_own(model, before), LESSONS).detach()) == pytest.approx(
        expected_loss(model, before), rel=1e-4
    )


def test_learning_lowers_the_loss_and_leaves_model_and_prefix_as_they_are() -> None:
    model, before = plain_model(), list(range(5, 45))
    prefix = prefill(model, before)
    kept = [tensor.clone() for layer in prefix.layers for tensor in layer]
    weights = [parameter.clone() for parameter in model.model.parameters()]
    learner = Learner(model, 4, 4e-2, 20)
    losses = [learner.learn(prefix, LESSONS) for _ in range(20)]
    assert losses[0] == pytest.approx(expected_loss(model, before), rel=1e-4)
    assert losses[-1] < losses[0] - 0.5
    assert all(map(torch.equal, (tensor for layer in prefix.layers for tensor in layer), kept))
    assert all(map(torch.equal, model.model.parameters(), weights))


def test_a_learner_goes_on_to_the_same_weights() -> None:
    def weights(learner: Learner) -> list[LowRank]:
        return list(learner.weights().values())

    model = plain_model()
    prefix = prefill(model, list(range(5, 45)))
    whole, first, second = (Learner(model, 2, 1e-2, 4) for _ in range(3))
    for _ in range(4):
        whole.learn(prefix, LESSONS)
    for _ in range(2):
        first.learn(prefix, LESSONS)
    second.resume({name: tensor.clone() for name, tensor in first.state().items()})
    for _ in range(2):
        second.learn(prefix, LESSONS)
    assert second.step == whole.step == 4
    for found, expected in zip(weights(second), weights(whole), strict=True):
        assert torch.equal(found.down, expected.down)
        assert torch.equal(found.up, expected.up)


def many(times: int = 12) -> DataSet:
    """Questions with evidence about two documents."""
    known = [it for it in data_set().questions if it.evidence]
    asked = [replace(it, id=f"{it.id} {at}", query=f"{it.query} {at}") for at in range(times) for it in known]
    return replace(data_set(), questions=tuple(asked))


def registry() -> Registry:
    found = Registry()
    found.add_memory_model("tiny-llama", LocalMemoryModel(plain_model()))
    found.add_embeddings("hash", HashEmbeddings())
    return found


PLAN = Plan(OPTIONS.model_copy(update={"gist_writer": "extractive"}), steps=4, rank=2)


def test_the_target_that_finds_most_evidence_is_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(targets_module, "CLUE_TOKENS", 80)  # of a byte each: one sentence
    text = "\n\n".join(f"In the year {year} the ferry carried {year * 7} crates of tea." for year in range(1900, 1990))
    start = text.index("In the year 1950")
    span = (start, text.index("\n", start))
    wrong, right = "Nobody kept any record of that.", "The ferry carried 13650 crates of tea in the year 1950."
    question = Question(
        "q", "d", "In which year the ferry carried a load of crates of tea?", (f"{wrong} {right}",), (span,), "specific"
    )
    bench = Workbench(registry(), OPTIONS.model_copy(update={"evidence_tokens": 512}), tmp_path)
    (target,) = TargetChooser(bench).choose(question, bench.prepare(Document("d", text)), (), ["draft"])
    assert target.items == (right,)
    assert target.recall > target.alone


def test_candidates_come_from_answer_evidence_and_notes() -> None:
    question = many().questions[0]
    text = many().documents[question.document_id].text
    start, end = question.evidence[0]

    def fits(items: object) -> bool:
        return len(str(items)) < 400

    assert question.answers[0] in drafts(question, text, "en", fits)
    assert all(it[0].startswith("What was said about ") for it in surrogates(question, text, "en", fits))
    notes = ["The sea was calm that winter, said the keeper.", text[start:end]]
    assert spans(question, text, notes, "en", fits)[0][0] == text[start:end]
    assert not drafts(question, text, "en", lambda _: False)


def test_a_list_goes_on_after_the_number_that_its_prompt_ends_with() -> None:
    target = train_module.Target("q", "surrogates", ("What is a?", "What is b?"), 1.0, 0.0)
    assert reply(target) == " What is a?\n2. What is b?"
    assert reply(replace(target, kind="draft", items=("It is a.",))) == "It is a."


def test_questions_held_out_are_of_other_documents_where_there_are_enough() -> None:
    documents = {f"d{number}": Document(f"d{number}", "x") for number in range(10)}
    asked = tuple(
        Question(f"{name} {at}", name, "?", ("a",), ((0, 1),), "specific") for name in documents for at in range(3)
    )
    learned, held = split(DataSet("s", documents, asked))
    assert len(held.questions) == 6
    assert not {it.document_id for it in learned.questions} & {it.document_id for it in held.questions}
    learned, held = split(many())
    assert (len(learned.questions), len(held.questions)) == (19, 5)


def test_a_run_that_was_stopped_goes_on_to_the_same_adapter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(targets_module, "CLUE_TOKENS", 200)  # of a byte each
    monkeypatch.setattr(train_module, "CLUE_TOKENS", 8)
    monkeypatch.setattr(train_module, "_SAVE_SECONDS", 0.0)
    whole = train(many(), PLAN, tmp_path / "whole", registry())
    learn, left = Learner.learn, [2]

    def learn_or_stop(*arguments: object) -> float:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return learn(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Learner, "learn", learn_or_stop)
    with pytest.raises(KeyboardInterrupt):
        train(many(), PLAN, tmp_path / "stopped", registry())
    monkeypatch.setattr(Learner, "learn", learn)
    resumed = train(many(), PLAN, tmp_path / "stopped", registry())
    assert (tmp_path / "stopped" / ADAPTER).read_bytes() == (tmp_path / "whole" / ADAPTER).read_bytes()
    assert replace(resumed, adapter="") == replace(whole, adapter="")
    steps = [json.loads(line)["step"] for line in (tmp_path / "stopped" / LOG).read_text().splitlines()]
    assert steps == [1, 2, 3, 4]
    report = json.loads((tmp_path / "whole" / REPORT).read_text())
    assert report["after"]["questions"] == report["before"]["questions"] == 5
    model = registry().models.memory_model("tiny-llama", TINY).language_model
    assert isinstance(model, LanguageModel)
    learned = load_adapter(tmp_path / "whole" / ADAPTER, model).learned
    assert (learned.prompts, learned.tokens, learned.trust) == (frozenset({"qa"}), 8, "")  # five questions do not tell
    with pytest.raises(InputError, match=r"another plan\.steps"):
        train(many(), replace(PLAN, steps=5), tmp_path / "whole", registry())


def test_what_cannot_be_trained_is_refused_at_the_door(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="18 questions have evidence; training needs at least 20"):
        train(many(9), PLAN, tmp_path, Registry())
    with pytest.raises(InputError, match="clues: must be some of spans, surrogates, draft, not outline"):
        train(many(), replace(PLAN, kinds=("outline",)), tmp_path, Registry())
    served = registry()
    served.models.add("model", "far", SimpleNamespace(language_model=SimpleNamespace(name="far")))
    with pytest.raises(InputError, match="model: far is served elsewhere; training needs a model that runs here"):
        train(many(), Plan(RunOptions(model="far", embedding_model="hash")), tmp_path, served)


def test_the_command_tells_how_to_use_what_was_learned() -> None:
    from typer.testing import CliRunner

    shown = CliRunner().invoke(app, ["train", "--help"]).output
    assert all(name in shown for name in ("MEMORY_MODEL", "DATASET", "--steps"))
    assert "Re-run to resume" in " ".join(shown.split())


def _own(model: LanguageModel, tokens: list[int]):
    prefix = prefill(model, tokens)
    return type(prefix)(tuple((keys.clone(), values.clone()) for keys, values in prefix.layers))
