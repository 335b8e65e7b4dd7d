"""Memorize the example document and ask one question per task, showing what happens on the way."""

import argparse
import os
import time
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.rule import Rule

from memorag_graph.cli.render import StageProgress, show_answer, show_stats
from memorag_graph.cli.run_graph import quiet
from memorag_graph.documents import read_document
from memorag_graph.graph import build_graph
from memorag_graph.registry import Registry
from memorag_graph.serialization import memory_record
from memorag_graph.settings import RunOptions

HERE = Path(__file__).parent
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

    started = time.perf_counter()
    console = Console()
    quiet()
    registry = Registry()
    options = RunOptions(use_memory_answer=True)
    document = read_document(os.path.relpath(arguments.document))
    with StageProgress(console) as bars:
        opened = registry.memorize([document], options, arguments.save_dir, lambda it: bars.update(asdict(it)))
    show_stats(console, {"memory": memory_record(opened)})
    console.print(f"[dim]Time: memorize {time.perf_counter() - started:.1f} s[/]")

    graph = build_graph(registry)
    asked = [{"memory_id": opened.memory.id, "query": query, "task_type": task} for task, query in QUESTIONS]
    # Asked at once: what the three tasks want of the memory model runs as one batch, so their times overlap.
    for given, result in zip(asked, graph.batch(asked, context=options), strict=True):
        console.print(Rule(f"{given['task_type']}: {given['query'] or 'the whole document'}"))
        show_answer(console, result, clues=True)
    console.print(Rule(f"{time.perf_counter() - started:.0f} s in all; the memory is in {arguments.save_dir.name}/"))


if __name__ == "__main__":
    main()
