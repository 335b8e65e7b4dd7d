"""What was left out of a document is told wherever its memory is: record, files, refusals."""

import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from memorag_graph.cli.render import show_info, show_stats
from memorag_graph.documents import Document
from memorag_graph.documents.document_builder import Builder
from memorag_graph.errors import InputError
from memorag_graph.graph import build_graph
from memorag_graph.memory.storage.manifest import read_info
from memorag_graph.registry import Registry
from tests.conftest import TEXT, TINY

NOTICE = "page 2 is a picture and was not read"
TOLD = f"lease.pdf: {NOTICE}"


def shown(show: Callable[..., None], *given: object) -> str:
    console = Console(width=200, record=True, file=StringIO())
    show(console, *given)
    return console.export_text()


def test_a_memory_tells_how_its_documents_were_read(registry: Registry, tmp_path: Path) -> None:
    document = Document("lease.pdf", TEXT, notices=(NOTICE,))
    opened = registry.memorize([document], TINY, tmp_path / "memory")
    assert opened.memory.reading_notices == [TOLD]
    assert registry.open(str(tmp_path / "memory"), TINY).memory.reading_notices == [TOLD]
    info = read_info(tmp_path / "memory")
    assert json.loads(json.dumps(info["documents"]))[0]["notices"] == [NOTICE]
    assert NOTICE in shown(show_info, {**info, "place": "memory"})


def test_a_run_and_its_refusal_tell_it_and_an_answer_does_not(registry: Registry) -> None:
    opened = registry.memorize([Document("lease.pdf", TEXT, notices=(NOTICE,))], TINY)
    graph = build_graph(registry)
    given = {"memory_id": opened.memory.id, "task_type": "lookup"}
    refused = graph.invoke({**given, "query": "Which comet did Tycho measure?"}, context=TINY)  # type: ignore[call-overload]
    answered = graph.invoke({**given, "query": "Who was proud of the harbour at Thorle?"}, context=TINY)  # type: ignore[call-overload]
    assert (refused["abstained"], answered["abstained"]) == (True, False)
    assert refused["notices"][-1] == TOLD
    assert TOLD not in answered["notices"]
    assert answered["memory"]["notices"] == [TOLD]
    assert TOLD in shown(show_stats, answered)


def test_a_builder_says_a_notice_once_and_with_a_refusal() -> None:
    builder = Builder("lease.pdf")
    builder.notice("it is scanned")
    builder.notice("it is scanned")
    with pytest.raises(InputError, match=r"no text \(it is scanned\); give a document that does"):
        builder.build()
    builder.label("iv")
    builder.text("A clause.")
    document = builder.build()
    assert document.notices == ("it is scanned",)
    assert document.page_map.label(0) == "iv"
