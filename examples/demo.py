"""Memorize the example document and ask one question per task, showing the progress and the clues."""

import argparse
import os
import time
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.rule import Rule

from memorag_graph.cli.render import show_answer, show_stats
from memorag_graph.console import StageProgress
from memorag_graph.documents import read_document
from memorag_graph.graph import build_graph
from memorag_graph.models.loading import silence_libraries
from memorag_graph.registry import Registry
from memorag_graph.serialization import memory_record
from memorag_graph.settings import RunOptions

HERE = Path(__file__).parent
OPTIONS = RunOptions(use_memory_answer=True)
QUESTIONS = [
    ("qa", "What did the company do about the price of fuel?"),
    ("memorag", "How low did the company's cash headroom fall during the pandemic, and when?"),
    ("summarize", ""),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--document", type=Path, default=HERE / "skerrow_letters.txt")
    parser.add_argument("--save-dir", type=Path, default=HERE.parent / ".demo")
    arguments = parser.parse_args()

    start = time.perf_counter()
    console = Console()
    console.print("Loading the models (the first run converts the embedded model, about half a minute)", soft_wrap=True)
    silence_libraries()
    registry = Registry()
    document = read_document(os.path.relpath(arguments.document))
    with StageProgress(console) as bars:
        opened = registry.memorize([document], OPTIONS, arguments.save_dir, lambda event: bars.update(asdict(event)))
    show_stats(console, {"memory": memory_record(opened)})
    console.print(f"[dim]Time: memorize {time.perf_counter() - start:.1f} s[/]")

    console.print(f"Answering {len(QUESTIONS)} questions")
    graph = build_graph(registry)
    inputs = [{"memory_id": opened.memory.id, "query": query, "task_type": task} for task, query in QUESTIONS]
    # One batch: the memory model decodes for all three tasks together, so their times overlap.
    for question, result in zip(inputs, graph.batch(inputs, context=OPTIONS), strict=True):
        console.print(Rule(f"{question['task_type']}: {question['query'] or 'the whole document'}"))
        show_answer(console, result, clues=True)
    console.print(Rule(f"{time.perf_counter() - start:.0f} s in total; the memory is in {arguments.save_dir.name}/"))


if __name__ == "__main__":
    main()
