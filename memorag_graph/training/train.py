"""Train an adapter with which a memory model writes better clues, from questions with known evidence."""

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from random import Random

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from memorag_graph.errors import InputError
from memorag_graph.evaluation.clue_runs import ClueKind
from memorag_graph.evaluation.dataset import DataSet, Question
from memorag_graph.evaluation.jsonl_log import JournalFile, replace_text
from memorag_graph.evaluation.run_config import INDEXES, store_or_check
from memorag_graph.evaluation.runner import locked
from memorag_graph.evaluation.tune import FEWEST as ENOUGH
from memorag_graph.evaluation.tune import Tuned
from memorag_graph.evaluation.workbench import Workbench
from memorag_graph.models.adapter import Learned, load_adapter, save_adapter
from memorag_graph.models.compute_threads import compute
from memorag_graph.models.language_model import LanguageModel
from memorag_graph.progress import Progress, ReportProgress, ignore_progress
from memorag_graph.registry import Registry
from memorag_graph.settings import RunOptions
from memorag_graph.training.held_out import measure, split
from memorag_graph.training.learner import Learner
from memorag_graph.training.lessons import PROMPTS, lesson
from memorag_graph.training.memories import Memories
from memorag_graph.training.targets import CLUE_TOKENS, Target, TargetChooser
from memorag_graph.version import __version__

ADAPTER = "adapter.safetensors"
REPORT = "report.json"
LOG = "log.jsonl"
_STATE, _TARGETS, _CLUES = "state.safetensors", "targets.jsonl", "clues.jsonl"
_FEWEST = 20
_SAVE_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Plan:
    """How an adapter is trained.

    Attributes:
        options: Models and settings.
        kinds: Kinds of clue to learn.
        steps: Steps of up to eight questions about one document.
        rank: Rank of the updates.
        rate: Highest learning rate.
        seed: Seed of the order and of the first weights.
    """

    options: RunOptions
    kinds: Sequence[ClueKind] = ("draft",)
    steps: int = 400
    rank: int = 8
    rate: float = 1e-3
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Trained:
    """What came of it.

    Attributes:
        adapter: The adapter's file.
        steps: Steps taken.
        loss: Mean loss of the last tenth of the steps, in nats per token.
        before: What the clues of the model alone gain on questions held out, by level of trust.
        after: What those with the adapter gain.
    """

    adapter: str
    steps: int
    loss: float
    before: Tuned
    after: Tuned


def train(
    data_set: DataSet, plan: Plan, directory: Path, registry: Registry, *, report: ReportProgress = ignore_progress
) -> Trained:
    """Choose what is to be learned, learn it, and measure it on questions held out; re-run to resume.

    Args:
        data_set: Documents, and questions with evidence; a fifth of them is held out.
        plan: How to train.
        directory: Working directory; the adapter is written to :data:`ADAPTER` in it.
        registry: Provides models.
        report: Called with progress.

    Raises:
        InputError: If fewer than twenty questions have evidence, the model cannot be trained, or the directory holds
            another training.
        ModelError: If a model cannot be loaded.
    """
    known = tuple(it for it in data_set.questions if it.evidence and it.kind != "unanswerable")
    if len(known) < _FEWEST:
        raise InputError("dataset", f"{len(known)} questions have evidence; training needs at least {_FEWEST}")
    _check(plan)
    options = plan.options.model_copy(update={"fast_paths": "off", "adapter": ""})  # packed layers have no gradient
    bench = Workbench(registry, options, directory / INDEXES)
    model = _trainable(bench)
    with locked(directory):
        store_or_check(directory, _config(data_set, plan, bench), fresh=False)
        learned_from, held = split(replace(data_set, questions=known))
        memories = Memories(bench, directory)
        before = measure(held, bench, memories, plan.kinds, None, directory / _CLUES, report)
        targets = _targets(learned_from, plan, bench, memories, JournalFile(directory / _TARGETS), report)
        learner = _learn(learned_from, targets, plan, bench, memories, directory, report)
        learned = Learned(model.fingerprint, frozenset(PROMPTS[kind] for kind in plan.kinds), CLUE_TOKENS, "")
        place = directory / ADAPTER
        save_adapter(place, learned, learner.weights())
        adapter = load_adapter(place, model)
        after = measure(held, bench, memories, plan.kinds, adapter, directory / _CLUES, report)
        trust = after.chosen if after.questions >= ENOUGH else ""
        save_adapter(place, replace(learned, trust=trust), learner.weights())
        last = [line["loss"] for line in JournalFile(directory / LOG).lines][-max(1, plan.steps // 10) :]
        trained = Trained(str(place), learner.step, sum(last) / len(last), before, after)
        replace_text(directory / REPORT, json.dumps(asdict(trained), indent=1) + "\n")
    return trained


def _check(plan: Plan) -> None:
    unknown = [kind for kind in plan.kinds if kind not in PROMPTS]
    if unknown or not plan.kinds:
        raise InputError("clues", f"must be some of {', '.join(PROMPTS)}, not {', '.join(unknown) or 'none'}")


def _trainable(bench: Workbench) -> LanguageModel:
    """Return the language model, which must run here and let its attention be replaced.

    Raises:
        InputError: If it cannot be trained.
    """
    model = bench.memory_model.language_model
    if not isinstance(model, LanguageModel):
        raise InputError("model", f"{model.name} is served elsewhere; training needs a model that runs here")
    if not model.can_be_observed:
        raise InputError("model", f"{model.name} has an attention that cannot be trained; use another model")
    return model


def _config(data_set: DataSet, plan: Plan, bench: Workbench) -> dict[str, dict[str, object]]:
    fixed = {
        "version": __version__,
        "data_set_sha256": data_set.sha256,
        "plan": {**asdict(replace(plan, options=RunOptions())), "options": bench.options.model_dump()},
        "fingerprint": bench.memory_model.language_model.fingerprint,
    }
    return {"fixed": json.loads(json.dumps(fixed)), "free": {"data_set": data_set.name}}


def _targets(
    data_set: DataSet, plan: Plan, bench: Workbench, memories: Memories, kept: JournalFile, report: ReportProgress
) -> dict[str, list[Target]]:
    """Return the targets of each question, choosing those that are not kept yet document by document."""
    chooser = TargetChooser(bench)
    done = {line["document"] for line in kept.lines}
    documents = list(dict.fromkeys(it.document_id for it in data_set.questions))
    for number, document in enumerate(documents):
        report(Progress("targets", number, len(documents), "documents"))
        if document in done:
            continue
        prepared = bench.prepare(data_set.documents[document])
        notes = [note.text for note in memories.memory(prepared).memory.notes]
        asked = [it for it in data_set.questions if it.document_id == document]
        chosen = [asdict(target) for it in asked for target in chooser.choose(it, prepared, notes, plan.kinds)]
        kept.append({"document": document, "targets": chosen})
    found: dict[str, list[Target]] = {}
    for line in kept.lines:
        for fields in line["targets"]:
            found.setdefault(fields["question"], []).append(Target(**{**fields, "items": tuple(fields["items"])}))
    return found


def _learn(
    data_set: DataSet,
    targets: dict[str, list[Target]],
    plan: Plan,
    bench: Workbench,
    memories: Memories,
    directory: Path,
    report: ReportProgress,
) -> Learner:
    """Take the steps that are left, each over some targets of one document."""
    model = _trainable(bench)
    device = model.model.device
    learner = compute(device, lambda: Learner(model, plan.rank, plan.rate, plan.steps, plan.seed))
    log, state = JournalFile(directory / LOG), directory / _STATE
    if state.is_file():
        try:
            learner.resume(load_file(state))
        except (SafetensorError, KeyError, RuntimeError) as error:
            raise InputError("out", f"{state} is damaged ({error}); delete it to begin the training again") from None
    log.drop([line for line in log.lines if line["step"] > learner.step])
    by_document: dict[str, list[tuple[Question, Target]]] = {}
    for question in data_set.questions:
        for target in targets.get(question.id, ()):
            by_document.setdefault(question.document_id, []).append((question, target))
    if not by_document:
        raise InputError("dataset", "no clue finds evidence that the questions alone do not; there is nothing to learn")
    saved = time.monotonic()
    while learner.step < plan.steps:
        document, chosen = _drawn(by_document, learner.step, plan.seed)
        opened = memories.memory(bench.prepare(data_set.documents[document]))
        shard = opened.memory.shards[learner.step % len(opened.memory.shards)]
        lessons = [lesson(model, opened.memory.prompts, it.query, target) for it, target in chosen]
        loss = compute(device, partial(learner.learn, shard.kv, lessons))
        log.append({"step": learner.step, "document": document, "lessons": len(lessons), "loss": loss})
        report(Progress("training", learner.step, plan.steps, "steps", f"loss {loss:.2f}"))
        if time.monotonic() - saved > _SAVE_SECONDS or learner.step == plan.steps:
            _save(learner, state)
            saved = time.monotonic()
    return learner


def _drawn(
    by_document: dict[str, list[tuple[Question, Target]]], step: int, seed: int
) -> tuple[str, list[tuple[Question, Target]]]:
    """Return the document of a step, each once in a round, and up to eight of its targets."""
    round_, place = divmod(step, len(by_document))
    order = Random(f"{seed} {round_}")  # noqa: S311 - an order, no secret
    document = order.sample(list(by_document), len(by_document))[place]
    targets = by_document[document]
    return document, order.sample(targets, min(Learner.ROWS, len(targets)))


def _save(learner: Learner, path: Path) -> None:
    new = path.with_suffix(".new")
    save_file({name: tensor.contiguous() for name, tensor in learner.state().items()}, new)
    new.replace(path)
