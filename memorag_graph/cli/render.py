"""Render results for the command line."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from memorag_graph.cli.places import SHORT
from memorag_graph.console import TRACE_TITLES, size
from memorag_graph.memory.storage.manifest import last_written
from memorag_graph.text.languages import language

if TYPE_CHECKING:
    from memorag_graph.evaluation.significance import Difference
    from memorag_graph.evaluation.tune import Tuned
    from memorag_graph.training.train import Trained

FROM_MEMORY = "recalled from memory, unverified"

_STEPS = {"memorize": "open"}
"""What a reader calls a node, if not by its name."""


def show_stats(console: Console, result: Mapping[str, Any]) -> None:
    """Show the size and language of a memory."""
    memory = result["memory"]
    console.print(f"Detected language: {language(memory['language']).name} ({memory['language']})")
    console.print(f"Context length: {memory['context_tokens']:,} tokens")
    shards = f" in {memory['shards']} shards" if memory["shards"] > 1 else ""
    if not memory["shards"]:
        contents = "not made yet; the documents can be searched"
    elif memory["memory_tokens"]:
        contents = f"{memory['memory_tokens']:,} tokens{shards}, {size(memory['memory_bytes'])}"
    else:
        contents = f"held by the server{shards}"
    console.print(f"Memory: {contents}")
    console.print(f"Chunks in the retrieval corpus: {memory['chunks']:,}")
    for notice in memory.get("notices", []):
        console.print(Text(notice, style="yellow"))


def show_answer(console: Console, result: Mapping[str, Any], *, clues: bool, streamed: bool = False) -> None:
    """Show an answer with its citations, and optionally its clues."""
    if clues:
        show_clues(console, result)
    elif result.get("question") != result.get("asked"):
        console.print(Text(f"Understood as: {_line(result['question'])}", style="dim"), soft_wrap=True)
    if not streamed:
        if result.get("basis") == "memory":
            console.print(f"[yellow]({FROM_MEMORY})[/]")
        console.print(_answer(result), soft_wrap=True)
    for notice in result["notices"]:
        console.print(f"[yellow]Note:[/] {escape(notice)}", soft_wrap=True)
    for sentence in result.get("unsupported", []):
        console.print(Text("  Unsupported: ", style="yellow"), Text(_line(sentence["text"])), sep="", soft_wrap=True)
    if result["citations"]:
        console.print("[dim]Citations[/]")
    for citation in result["citations"]:
        console.print(_place(citation), Text(f"“{_line(citation['quote'])}”", style="dim"), soft_wrap=True)
    if "confidence" in result:
        console.print(f"[dim]Confidence: {result['confidence']:.2f}[/]")
    show_timings(console, result)


def _answer(result: Mapping[str, Any]) -> Text:
    """Return an answer with its unsupported sentences underlined."""
    answer = Text(result["answer"] or "No answer was found.", style="bold")
    for sentence in result.get("unsupported", []):
        answer.stylize("underline yellow", sentence["start"], sentence["end"])
    return answer


def _place(citation: Mapping[str, Any]) -> Text:
    page = f", page {citation['page']}" if citation.get("page") is not None else ""
    page += f", {citation['label']}" if citation.get("label") else ""
    page += ", read by OCR" if citation.get("ocr") else ""
    section = f", “{citation['section']}”" if citation.get("section") else ""
    version = f", version {citation['version']}" if citation.get("version", 1) not in (None, 1) else ""
    span = f"{citation['source']}:{citation['start']}–{citation['end']}{version}"
    place = Text(f"  [{citation['number']}] {span}{page}{section}", style="cyan")
    return place if citation.get("supported", True) else place.append(" (does not support the claim)", style="yellow")


def _line(text: str) -> str:
    return " ".join(text.split())


def show_clues(console: Console, result: Mapping[str, Any]) -> None:
    """Show the clues recalled from memory for an answer, and the decisions of the run."""
    groups: Mapping[str, Sequence[str]] = {
        "Spans": result.get("spans", []),
        "Surrogate questions": result.get("surrogates", []),
        "Draft": [result["draft"]] if result.get("draft") and result.get("basis") != "memory" else [],
        "Outline": result.get("outline", []),
    }
    if any(groups.values()):
        console.print(f"[magenta]Clues[/] [dim]({FROM_MEMORY})[/]")
    for name, clues in groups.items():
        for clue in clues:
            console.print(Text(f"  {name}: ", style="magenta"), Text(_line(clue)), sep="", soft_wrap=True)
    for record in result.get("trace", []):
        line = Text(f"  {TRACE_TITLES[record['what']]}: ", style="magenta").append(
            _line(record["text"]), style="default"
        )
        console.print(line.append(f" ({record['reason']})", style="dim"), soft_wrap=True)


def show_evidence(console: Console, result: Mapping[str, Any]) -> None:
    """Show the passages behind an answer, and the queries that found each."""
    for passage in result.get("evidence", []):
        console.print(_place(passage.metadata), soft_wrap=True)
        console.print(Text(_line(passage.page_content)), soft_wrap=True)
        for query in passage.metadata["queries"]:
            console.print(Text(f"  {query['kind']}: {_line(query['text'])}", style="magenta"), soft_wrap=True)


def show_timings(console: Console, result: Mapping[str, Any]) -> None:
    """Show how long each node took; the first one also loads the models."""
    parts = [f"{_STEPS.get(node, node)} {seconds:.1f} s" for node, seconds in result["timings"].items()]
    console.print(f"[dim]Time: {', '.join(parts)}[/]")


def show_memories(console: Console, memories: Sequence[Mapping[str, Any]]) -> None:
    """List memories: a table that fits 80 columns; in pipes, lines whose fields are separated by tabs."""
    rows = [
        (
            info["memory_id"] if Path(info["place"]).name == info["memory_id"] else info["place"],
            ", ".join(document["source"] for document in info["documents"]),
            f"{sum(document['tokens'] for document in info['documents']):,}",
            size(sum(file["bytes"] for file in info["files"].values())),
            f"{datetime.fromtimestamp(last_written(Path(info['place']))):%Y-%m-%d %H:%M}",
            "ready" if info["shards"] else "not made",
        )
        for info in memories
    ]
    if not console.is_terminal:
        for row in rows:
            console.file.write("\t".join(row) + "\n")  # rich would replace the tabs
        return
    table = Table("Memory", "Document", box=None, pad_edge=False, header_style="cyan")
    for heading in ("Tokens", "Size"):
        table.add_column(heading, justify="right", no_wrap=True)
    for heading in ("Used", "State"):
        table.add_column(heading, no_wrap=True)
    for (place, *fields), info in zip(rows, memories, strict=True):
        table.add_row(*map(escape, (place[:SHORT] if place == info["memory_id"] else place, *fields)))
    console.print(table)


def show_info(console: Console, info: Mapping[str, Any]) -> None:
    """Show the manifest of a memory."""
    table = Table.grid(padding=(0, 2))
    for key in ("place", "memory_id", "format", "kind", "language", "memory_tokens", "chunks", "written_by"):
        table.add_row(f"[cyan]{key}[/]", escape(str(info[key])))
    for group in ("identity", "settings"):
        for key, value in info[group].items():
            table.add_row(f"[cyan]{group}.{key}[/]", escape(str(value)))
    if not info["shards"]:
        table.add_row(
            "[cyan]memory[/]", "not made yet (memorag-graph remember makes it); its documents can be searched"
        )
    for shard in info["shards"]:
        table.add_row("[cyan]shard[/]", f"{shard['file']}: {shard['tokens']:,} tokens read, {shard['kept']:,} kept")
    for document in info["documents"]:
        text = f"{document['source']}: {document['characters']:,} characters, {document['tokens']:,} tokens"
        table.add_row("[cyan]document[/]", escape(text))
        for notice in document.get("notices", []):
            table.add_row("", escape(notice))
    for name, file in info["files"].items():
        table.add_row(f"[cyan]{name}[/]", f"{size(file['bytes'])}, SHA-256 {file['sha256']}")
    console.print(table)


def show_results(console: Console, results: Mapping[str, Mapping[str, Any]]) -> None:
    """Show the results of an evaluation: one row per metric, one column per pipeline."""
    from memorag_graph.evaluation.report import cell

    questions = max((figure["n"] for metrics in results.values() for figure in metrics.values()), default=0)
    table = Table("mean [95 % interval]", *map(escape, results))
    for metric in dict.fromkeys(name for metrics in results.values() for name in metrics):
        table.add_row(metric, *(escape(cell(metric, metrics.get(metric), questions)) for metrics in results.values()))
    console.print(table)


def show_tuned(console: Console, tuned: "Tuned") -> None:
    """Show what each level of trust in a model's clues gains, and which one was chosen."""
    table = Table("clues count", "evidence recall", "gain over the question alone [95 % interval]")
    for name, gain in tuned.gains.items():
        chosen = " (chosen)" if name == tuned.chosen else ""
        table.add_row(f"{name}{chosen}", f"{tuned.alone + gain.mean:.3f}", escape(_gain(gain)))
    console.print(table)
    console.print(f"{tuned.questions} questions. The chosen weights hold for this memory model from now on.")


def show_trained(console: Console, trained: "Trained") -> None:
    """Show what the clues of a model gain on questions held out, before and after training."""
    table = Table("clues count", "gain before [95 % interval]", "gain after [95 % interval]")
    for name, gain in trained.after.gains.items():
        chosen = " (chosen)" if name == trained.after.chosen else ""
        table.add_row(f"{name}{chosen}", *(escape(_gain(it)) for it in (trained.before.gains[name], gain)))
    console.print(table)
    after = trained.after
    console.print(f"{after.questions} questions held out; evidence recall of the question alone {after.alone:.3f}.")
    console.print(f"Use it with: --adapter {trained.adapter}", soft_wrap=True, markup=False)


def _gain(gain: "Difference") -> str:
    interval = "" if gain.low is None else f" [{gain.low:+.3f}, {gain.high:+.3f}]"
    return f"{gain.mean:+.3f}{interval}"
