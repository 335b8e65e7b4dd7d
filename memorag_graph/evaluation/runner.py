"""Run pipelines over a data set question by question, so that a killed run can be resumed."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from memorag_graph.errors import InputError, MemoragError
from memorag_graph.evaluation.ask import ask
from memorag_graph.evaluation.clue_runs import ClueKind, kinds_for, merged, recollect
from memorag_graph.evaluation.dataset import DataSet, Question
from memorag_graph.evaluation.jsonl_log import JournalFile, Line
from memorag_graph.evaluation.metrics.score import score
from memorag_graph.evaluation.outcome import Clues, Outcome
from memorag_graph.evaluation.pipelines.base import Pipeline
from memorag_graph.evaluation.run_config import CLUES, ITEMS
from memorag_graph.evaluation.workbench import Case, Prepared, Workbench
from memorag_graph.open_memory import OpenMemory
from memorag_graph.progress import Progress, ReportProgress, ignore_progress
from memorag_graph.providers.provider_errors import reason
from memorag_graph.settings import RunOptions

_LOCK = ".lock"


@dataclass
class Evaluation:
    """Pipelines over the questions of a data set.

    Attributes:
        data_set: Documents and questions.
        pipelines: Pipelines to run.
        bench: Models and settings.
        directory: Output directory.
        answers: Whether to generate answers, or only retrieve evidence.
        budgets: Further token budgets at which to search for evidence.
        concurrency: Questions asked at once.
        report: Called with progress.
    """

    data_set: DataSet
    pipelines: Sequence[Pipeline]
    bench: Workbench
    directory: Path
    answers: bool = True
    budgets: Sequence[int] = ()
    concurrency: int = 1
    report: ReportProgress = ignore_progress
    _files: dict[str, JournalFile] = field(default_factory=dict, init=False)
    _failed: dict[tuple[str, ClueKind], str] = field(default_factory=dict, init=False)
    """Why clues of a question, by its id, failed in this run; the next run tries them again."""

    def run(self) -> Mapping[str, Sequence[Line]]:
        """Ask the remaining questions; return the outcomes of each pipeline in the order of the questions.

        Failed questions are asked again.

        Raises:
            InputError: If the files of an earlier run are damaged.
            ModelError: If a model cannot be loaded.
        """
        clues = JournalFile(self.directory / CLUES)
        for pipeline in self.pipelines:
            file = JournalFile(self.directory / ITEMS / f"{pipeline.name}.jsonl")
            file.drop([line for line in file.lines if line["error"]])
            self._files[pipeline.name] = file
        for document_id, questions in self._by_document().items():
            pending = {pipeline.name: self._pending(pipeline, questions) for pipeline in self.pipelines}
            if any(pending.values()):
                prepared = self.bench.prepare(self.data_set.documents[document_id], self.report)
                self._recall(prepared, pending, clues)
                for pipeline in self.pipelines:
                    self._ask(pipeline, [Case(question, prepared) for question in pending[pipeline.name]], clues)
        return {name: self._in_order(file) for name, file in self._files.items()}

    def _by_document(self) -> dict[str, list[Question]]:
        questions: dict[str, list[Question]] = {}
        for question in self.data_set.questions:
            questions.setdefault(question.document_id, []).append(question)
        return questions

    def _pending(self, pipeline: Pipeline, questions: Sequence[Question]) -> list[Question]:
        done = {line["question"] for line in self._files[pipeline.name].lines}
        return [question for question in questions if question.id not in done]

    def _in_order(self, file: JournalFile) -> list[Line]:
        lines = {line["question"]: line for line in file.lines}
        return [lines[question.id] for question in self.data_set.questions]

    def _recall(self, prepared: Prepared, pending: Mapping[str, Sequence[Question]], clues: JournalFile) -> None:
        """Generate and store the clues that pending questions need; note why those that fail do."""
        wanted: dict[tuple[str, ClueKind], Question] = {}
        for pipeline in self.pipelines:
            for question in pending[pipeline.name]:
                for kind in kinds_for(question):
                    if kind in pipeline.recalls:
                        wanted[question.id, kind] = question
        for line in clues.lines:
            wanted.pop((line["question"], line["kind"]), None)
        if not wanted:
            return
        opened = self.bench.memory(prepared.document, self.report)
        with self._threads() as threads:
            made = threads.map(
                lambda key: _recollect(opened, wanted[key], key[1], self.bench.options),
                wanted,
            )
            for done, ((question_id, kind), found) in enumerate(zip(wanted, made, strict=True), start=1):
                if isinstance(found, Clues):
                    clues.append({"question": question_id, "kind": kind, **asdict(found)})
                else:
                    self._failed[question_id, kind] = found
                self.report(Progress("clues", done, len(wanted), "clues"))

    def _ask(self, pipeline: Pipeline, cases: Sequence[Case], clues: JournalFile) -> None:
        """Ask a pipeline, storing each outcome."""
        self.bench.forget()
        recalled = [self._recalled(clues, case.question, pipeline) for case in cases]
        file = self._files[pipeline.name]
        with self._threads() as threads:
            outcomes = threads.map(
                lambda case, known: (
                    ask(pipeline, case, known, answers=self.answers, budgets=self.budgets)
                    if isinstance(known, Clues)
                    else Outcome(error=known)
                ),
                cases,
                recalled,
            )
            for case, outcome in zip(cases, outcomes, strict=True):
                file.append(self._line(pipeline, case, outcome))
                total = len(self.data_set.questions)
                self.report(Progress(pipeline.name, len(file.lines), total, "questions"))

    def _recalled(self, clues: JournalFile, question: Question, pipeline: Pipeline) -> Clues | str:
        """Return the clues of a question that a pipeline uses, or why one of them failed."""
        wanted = [kind for kind in kinds_for(question) if kind in pipeline.recalls]
        if failures := [self._failed[question.id, kind] for kind in wanted if (question.id, kind) in self._failed]:
            return failures[0]
        found = {line["kind"]: line for line in clues.lines if line["question"] == question.id}
        return merged([_clues(found[kind]) for kind in wanted])

    def _line(self, pipeline: Pipeline, case: Case, outcome: Outcome) -> Line:
        options = self.bench.options
        scores = score(
            case,
            outcome,
            budget=options.evidence_tokens,
            chunk_size=options.retrieval_chunk_size,
            keeps_to_budget=pipeline.keeps_to_budget,
        )
        question = case.question
        known: dict[str, Any] = {"question": question.id, "document": question.document_id, "query": question.query}
        return {**known, **asdict(outcome), "metrics": scores}

    @contextmanager
    def _threads(self) -> Iterator[ThreadPoolExecutor]:
        """Provide threads for questions; on an error, questions that have not started are cancelled."""
        threads = ThreadPoolExecutor(max_workers=self.concurrency, thread_name_prefix="questions")
        try:
            yield threads
        finally:
            threads.shutdown(cancel_futures=True)


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Lock a directory against other processes.

    Raises:
        InputError: If another process has locked it, or it is not writable.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        lock = FileLock(directory / _LOCK)
        lock.acquire(timeout=0)
    except Timeout:
        raise InputError("out", f"another evaluation is running in {directory}; wait, or use another --out") from None
    except OSError as error:
        raise InputError("out", f"cannot write to {directory} ({error.strerror}); use another --out") from None
    try:
        yield
    finally:
        lock.release()


def _recollect(opened: OpenMemory, question: Question, kind: ClueKind, options: RunOptions) -> Clues | str:
    """Generate clues of one kind, or return why that failed."""
    try:
        return recollect(opened, question, kind, options)
    except (MemoragError, OSError) as error:
        return reason(error)


def _clues(line: Line) -> Clues:
    """Read stored clues."""
    texts = {name: tuple(texts) for name, texts in line["texts"].items()}
    return Clues(texts, line["seconds"], line["tokens_read"], line["tokens_written"])
