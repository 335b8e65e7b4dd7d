"""Run the graph for the command line: progress, streamed tokens, the result."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from langchain_core.messages import AIMessageChunk
from rich.console import Console
from rich.text import Text

from memorag_graph.cli.interrupt import resumable, stops_threads
from memorag_graph.cli.render import FROM_MEMORY
from memorag_graph.console import StageProgress
from memorag_graph.errors import InputError
from memorag_graph.models.loading import silence_libraries
from memorag_graph.registry import Registry
from memorag_graph.serialization import ANSWER_FIELDS
from memorag_graph.settings import RunOptions

if TYPE_CHECKING:
    from memorag_graph.documents.offsets import Unit
    from memorag_graph.graph import MemoragGraph
    from memorag_graph.memory.build.revision import Listed
    from memorag_graph.memory.kv_memory import Memory
    from memorag_graph.state import GraphInput


def new_registry() -> Registry:
    """Return the registry of a command's models and memories."""
    return Registry()


def run_graph(
    graph: "MemoragGraph", inputs: Mapping[str, Any], options: RunOptions, progress: Console, answers: Console | None
) -> tuple[dict[str, Any], bool]:
    """Run the graph once.

    Args:
        graph: The graph.
        inputs: The graph's input.
        options: The run's options.
        progress: Console for progress.
        answers: Console for answer tokens as they are generated; None to show none.

    Returns:
        The graph's output, and whether its whole answer has been shown already.
    """
    silence_libraries()
    result: dict[str, Any] = {}
    shown = ""
    with stops_threads(), StageProgress(progress) as bars:
        stream = graph.stream(
            cast("GraphInput", dict(inputs)), context=options, stream_mode=["custom", "messages", "values"]
        )
        for mode, event in stream:
            if mode == "custom" and isinstance(event, dict):
                bars.update(event["progress"])
            elif mode == "messages" and answers is not None:
                shown += _show_token(event, inputs, answers, is_first=not shown)
            elif mode == "values" and isinstance(event, dict):
                result = event
    if shown and answers is not None:
        answers.print()
    return result, bool(shown) and shown.strip() == result["answer"].strip()


def memorize_files(
    registry: Registry, files: Sequence[str], options: RunOptions, directory: Path | None, progress: Console
) -> dict[str, Any]:
    """Memorize files and return a record of the memory."""
    from memorag_graph.cli.given_files import read_given
    from memorag_graph.serialization import memory_record

    silence_libraries()
    documents = read_given(files, options.encoding, lambda told: progress.print(Text(told, style="yellow")))
    progress.print("Loading the models")
    with resumable(progress), StageProgress(progress) as bars:
        opened = registry.memorize(documents, options, directory, lambda event: bars.update(asdict(event)))
    return {"memory_id": opened.memory.id, "memory": memory_record(opened)}


def make_whole(place: str, options: RunOptions, progress: Console) -> str:
    """Make a memory that is only begun, and return its id."""
    silence_libraries()
    progress.print("Loading the models")
    with resumable(progress), StageProgress(progress) as bars:
        opened = new_registry().whole(place, options, lambda event: bars.update(asdict(event)))
    return opened.memory.id


def revise(place: str, change: "Callable[[Memory], Listed]", options: RunOptions, progress: Console) -> dict[str, Any]:
    """Change the documents of a memory and return its record."""
    from memorag_graph.serialization import memory_record

    silence_libraries()
    progress.print("Loading the models")
    with resumable(progress), StageProgress(progress) as bars:
        opened = new_registry().revise(place, change, options, lambda event: bars.update(asdict(event)))
    documents = [document.source for document in opened.memory.documents]
    return {"memory_id": opened.memory.id, "memory": memory_record(opened), "documents": documents}


def to_json(result: Mapping[str, Any], unit: "Unit | None" = None, encoding: str = "") -> str:
    """Format a result of the graph as JSON.

    Args:
        result: The result.
        unit: Unit of its offsets; None: they count characters. For another, the memorized files are read again.
        encoding: Encoding in which they were read; empty if it was found.

    Raises:
        InputError: If a memorized file is missing or has changed.
    """
    fields = ("memory_id", "memory", "memory_share", "answer", *ANSWER_FIELDS, "trace", "timings", "tokens")
    clues = {key: result.get(key) for key in ("spans", "surrogates", "draft", "outline")}
    evidence = [{"text": document.page_content, **document.metadata} for document in result.get("evidence", [])]
    document = {
        "task_type": result["task"],
        "query": result["asked"],
        "question": result["question"],
        **{key: result.get(key) for key in fields},
        "clues": {**clues, "verified": False},
        "evidence": evidence,
    }
    if unit is not None:
        document = _in_unit(document, unit, encoding)
    return json.dumps(document, ensure_ascii=False, indent=2)


def _in_unit(document: dict[str, Any], unit: "Unit", encoding: str) -> dict[str, Any]:
    from memorag_graph.documents import Offsets, read_document
    from memorag_graph.documents.offsets import with_offsets
    from memorag_graph.memory.storage.manifest import find_memory, read_info

    offsets = {}
    for described in read_info(find_memory(document["memory_id"]))["documents"]:
        read = read_document(described["source"], encoding=encoding or None)
        if read.sha256 != described["sha256"]:
            raise InputError(
                "offsets",
                f"{read.source} has changed since it was memorized; memorize it again, or omit --offsets",
            )
        offsets[described["source"]] = Offsets(read.text, unit)
    converted: dict[str, Any] = with_offsets(document, offsets, Offsets(document["answer"], unit))
    return converted


def _show_token(event: object, inputs: Mapping[str, Any], answers: Console, *, is_first: bool) -> str:
    """Show a piece of the answer as it is generated, and return it."""
    from memorag_graph.langchain.runnable import ANSWERING_NODES

    if not isinstance(event, tuple):
        return ""
    chunk, metadata = event
    if not isinstance(chunk, AIMessageChunk) or metadata.get("langgraph_node") not in ANSWERING_NODES:
        return ""
    if is_first and inputs.get("task_type") == "qa":
        answers.print(f"[yellow]({FROM_MEMORY})[/]")
    answers.print(Text(chunk.text, style="bold"), end="")
    return str(chunk.text)
