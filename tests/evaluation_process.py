"""A small evaluation with tiny models, for tests/test_evaluation_run.py; run as a process, it kills itself.

Arguments: the directory, and the number of lines to write; the process dies while it writes the next one.
"""

import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from memorag_graph.clues import recall
from memorag_graph.documents import Document
from memorag_graph.evaluation import evaluate as evaluate_module
from memorag_graph.evaluation import jsonl_log, significance
from memorag_graph.evaluation.dataset import DataSet, Question
from memorag_graph.evaluation.evaluate import Plan, evaluate
from memorag_graph.evaluation.results import Results
from memorag_graph.memory.backends.local import LocalMemoryModel
from memorag_graph.registry import Registry
from tests.conftest import TEXT, TINY, HashEmbeddings, tiny_model

PIPELINES = (
    "dense",
    "bm25",
    "hybrid",
    "multi_query",
    "hyde",
    "closed_book",
    "full_context",
    "memorag",
    "memorag-spans",
)
OPTIONS = TINY.model_copy(update={"retrieval_chunk_size": 64, "evidence_tokens": 192})
PLAN = Plan(PIPELINES, OPTIONS)
KILLED = Plan(("dense", "hyde", "memorag", "memorag-spans"), OPTIONS)


def data_set() -> DataSet:
    """Two documents with three questions each."""
    half = TEXT.index("In the year 2005")
    documents = {name: Document(name, text) for name, text in (("a", TEXT[:half]), ("b", TEXT[half:]))}
    questions = []
    for name, document in documents.items():
        year = 1995 if name == "a" else 2010
        start = document.text.index(f"In the year {year}")
        end = document.text.index(".", start) + 1
        fact = document.text[start:end]
        questions += [
            Question(f"{name}1", name, f"What did the ferry carry in {year}?", (fact,), ((start, end),), "specific"),
            Question(f"{name}2", name, "Summarize the document.", ("Ferries and captains.",), (), "general"),
            Question(f"{name}3", name, "Who painted the ceiling?", (), (), "unanswerable"),
        ]
    return DataSet("ferries", documents, tuple(questions))


def tiny_registry() -> Registry:
    """Models by name: tiny-llama and hash."""
    registry = Registry()
    registry.add_memory_model("tiny-llama", LocalMemoryModel(tiny_model("llama")))
    registry.add_embeddings("hash", HashEmbeddings())
    return registry


def run(
    place: Path, plan: Plan = PLAN, registry: Registry | None = None, *, plots: bool = False, **settings: Any
) -> Results:
    """Evaluate with short clues and few resamples; draw plots only on request."""
    with short_clues(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(significance, "RESAMPLES", 99)
        if not plots:
            patch.setattr(evaluate_module, "draw", lambda *_: [])
        return evaluate(data_set(), plan, place, registry or tiny_registry(), **settings)


@contextmanager
def short_clues() -> Iterator[None]:
    """Make memories write only a few words."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recall, "_CLUE_TOKENS", 12)
        patch.setattr(recall, "_POINT_TOKENS", 12)
        yield


class Killed(BaseException):
    """Stands for the death of the process."""


@contextmanager
def dying_after(lines: int, die: Callable[[], object]) -> Iterator[None]:
    """Die while a line is written, after a number of whole lines."""
    append = jsonl_log.JournalFile.append
    left = lines

    def append_or_die(self: jsonl_log.JournalFile, line: jsonl_log.Line) -> None:
        nonlocal left
        if left == 0:
            with self._path.open("a", encoding="utf-8") as file:
                file.write('{"question": "a1", "met')
            die()
        left -= 1
        append(self, line)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jsonl_log.JournalFile, "append", append_or_die)
        yield


def raise_killed() -> None:
    """Die as an exception, which takes less time than a process of its own."""
    raise Killed


def main(arguments: Sequence[str]) -> None:
    """Run until death."""
    with dying_after(int(arguments[1]), lambda: os.kill(os.getpid(), signal.SIGKILL)):
        run(Path(arguments[0]), KILLED)


if __name__ == "__main__":
    main(sys.argv[1:])
