"""Measure what the clues of a memory model find on questions that it did not learn from."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, replace
from pathlib import Path

from memorag_graph.evaluation.clue_runs import ClueKind, merged, recollect
from memorag_graph.evaluation.dataset import DataSet
from memorag_graph.evaluation.jsonl_log import JournalFile
from memorag_graph.evaluation.outcome import Clues
from memorag_graph.evaluation.tune import Tuned, chosen_of, recalls
from memorag_graph.evaluation.workbench import Workbench
from memorag_graph.memory.backends.local import LocalMemoryModel
from memorag_graph.models.adapter import Adapter
from memorag_graph.progress import Progress, ReportProgress
from memorag_graph.training.memories import Memories

_SHARE = 5
"""One question in so many is held out."""

_KEPT = ("texts", "seconds", "tokens_read", "tokens_written")


def split(data_set: DataSet) -> tuple[DataSet, DataSet]:
    """Return the questions to learn from and those held out: of documents of their own, if there are enough."""
    documents = list(dict.fromkeys(it.document_id for it in data_set.questions))
    apart = set(documents[::-_SHARE]) if len(documents) >= _SHARE else set()
    held = {it.id for it in data_set.questions if it.document_id in apart} or {
        it.id for it in data_set.questions[::_SHARE]
    }
    parts = [[it for it in data_set.questions if (it.id in held) is is_held] for is_held in (False, True)]
    return replace(data_set, questions=tuple(parts[0])), replace(data_set, questions=tuple(parts[1]))


def measure(
    data_set: DataSet,
    bench: Workbench,
    memories: Memories,
    kinds: Collection[ClueKind],
    adapter: Adapter | None,
    file: Path,
    report: ReportProgress,
) -> Tuned:
    """Let the model write clues, with an adapter or without, and return what each level of trust in them gains.

    Args:
        data_set: Questions with evidence.
        bench: Models, chunks and indexes.
        memories: Builds the memories.
        kinds: Kinds of clue.
        adapter: The adapter, or None.
        file: Keeps the clues, so that an interrupted run goes on.
        report: Called with progress.
    """
    kept = JournalFile(file)
    by = adapter.fingerprint if adapter else ""
    kept.drop([line for line in kept.lines if line["by"] not in ("", by)])
    known = {(line["question"], line["kind"]) for line in kept.lines if line["by"] == by}
    documents = list(dict.fromkeys(it.document_id for it in data_set.questions))
    for done, document in enumerate(documents):
        report(Progress("clues", done, len(documents), "documents"))
        asked = [it for it in data_set.questions if it.document_id == document]
        wanted = [(it, kind) for it in asked for kind in kinds if (it.id, kind) not in known]
        if not wanted:
            continue
        opened = memories.memory(bench.prepare(data_set.documents[document]))
        if adapter and isinstance(opened.model, LocalMemoryModel):
            opened = replace(opened, model=opened.model.with_adapter(adapter))
        for question, kind in wanted:
            clues = recollect(opened, question, kind, bench.options)
            kept.append({"question": question.id, "kind": kind, "by": by, **asdict(clues)})
    return chosen_of(recalls(data_set, _by_question(kept, by), bench, report), len(data_set.questions))


def _by_question(kept: JournalFile, by: str) -> Mapping[str, Clues]:
    found: dict[str, list[Clues]] = {}
    for line in kept.lines:
        if line["by"] == by:
            found.setdefault(line["question"], []).append(Clues(**{key: line[key] for key in _KEPT}))
    return {question: merged(clues) for question, clues in found.items()}
