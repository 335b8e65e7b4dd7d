"""Show libraries on the command line."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from memorag_graph.text.languages import language

if TYPE_CHECKING:
    from memorag_graph.library.entry import Report
    from memorag_graph.library.memory_state import ListedDocument

_MOST_TOLD = 20
"""Names or files of a kind that are shown; the others are counted."""


def show_report(console: Console, report: "Report") -> None:
    """Show what a change of a library did."""
    told = {
        "Added": len(report.added),
        "New versions": len(report.replaced),
        "Unchanged": len(report.unchanged),
        "Removed": len(report.removed),
        "Indexed again": len(report.indexed),
        "Could not be read": len(report.unreadable),
        "Memories made": len(report.remembered),
        "Not made": len(report.not_remembered),
    }
    counts = ", ".join(f"{name.lower()}: {count:,}" for name, count in told.items() if count) or "nothing to do"
    console.print(
        f"{counts[0].upper()}{counts[1:]} ({report.chunks:,} chunks, {report.seconds:.1f} s)", highlight=False
    )
    for name, file in _some(console, report.renamed):
        _line(console, "cyan", name, f"is {file}; another document has its name")
    for name, other in _some(console, report.same_text):
        _line(console, "cyan", name, f"has the same text as {other}")
    for file, reason in _some(console, [*report.unreadable, *report.not_remembered]):
        _line(console, "yellow", file, reason.removeprefix("file: "))


def show_documents(console: Console, entries: "Sequence[ListedDocument]") -> None:
    """List documents."""
    if not entries:
        console.print("No documents.")
        return
    table = Table("Document", "Version", "Language", "Pages", "Tokens", "Memory", "Metadata")
    for entry in entries:
        metadata = ", ".join(f"{key}={value}" for key, value in entry.metadata.items())
        pages = f"{entry.pages:,}" if entry.pages else ""
        name, spoken = escape(entry.name), language(entry.language).name
        table.add_row(name, str(entry.version), spoken, pages, f"{entry.tokens:,}", entry.memory, escape(metadata))
    console.print(table)


def show_document(console: Console, found: Mapping[str, Any]) -> None:
    """Show a document of a library."""
    table = Table.grid(padding=(0, 2))
    for key, value in found.items():
        if isinstance(value, str | int) and value not in ("", 0):
            table.add_row(f"[cyan]{key}[/]", escape(str(value)))
    for key, value in found["metadata"].items():
        table.add_row(f"[cyan]{escape(key)}[/]", escape(str(value)))
    for older in found["older"]:
        table.add_row("[cyan]older[/]", f"version {older['version']}, {older['added']} to {older['replaced']}")
    for notice in found["notices"]:
        table.add_row("[cyan]notice[/]", escape(notice))
    for note in found["notes"][:_MOST_TOLD]:
        table.add_row("[cyan]note[/]", escape(note))
    console.print(table)


def show_considered(console: Console, considered: Sequence[Mapping[str, Any]]) -> None:
    """Show which documents were considered for a question, and why."""
    table = Table("Document", "Version", "Searched", "Cited", "Place by")
    for one in considered:
        places = "\n".join(f"{name}: {place}" for name, place in one["places"].items())
        marks = ("yes" if one[key] else "" for key in ("searched", "cited"))
        table.add_row(escape(one["name"]), str(one["version"]), *marks, places)
    console.print(table)


def _some(console: Console, pairs: Sequence[tuple[str, str]]) -> Sequence[tuple[str, str]]:
    if len(pairs) > _MOST_TOLD:
        console.print(f"{len(pairs):,} of the following kind; the first {_MOST_TOLD} (all of them: --json):")
    return pairs[:_MOST_TOLD]


def _line(console: Console, style: str, name: str, told: str) -> None:
    console.print(Text(f"  {name}: ", style=style).append(told, style="default"), soft_wrap=True)
