"""Pages and sections of a document are kept: in memories, on disk, in evidence and citations."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from langchain_core.documents import Document as LangChainDocument
from reportlab.pdfgen.canvas import Canvas

from memorag_graph.citation_annotations import annotations
from memorag_graph.documents import Document, PageMap, document_name, from_langchain, read_document
from memorag_graph.graph import build_graph
from memorag_graph.memory.build.revision import appended, removed
from memorag_graph.memory.storage.manifest import read_info
from memorag_graph.registry import Registry
from tests.conftest import TEXT, TINY

HARBOURS = ("Thorle", "Inshay", "Brannay", "Averil", "Tarvay")
SENTENCES = [f"Captain number {year} was proud of the harbour at {HARBOURS[year % 5]}." for year in range(1950, 1990)]


def paged(path: Path, each: int = 6) -> Path:
    """Write a PDF with a few sentences of the text on each page."""
    canvas = Canvas(str(path))
    for start in range(0, len(SENTENCES), each):
        for line, sentence in enumerate(SENTENCES[start : start + each]):
            canvas.drawString(40, 700 - 20 * line, sentence)
        canvas.showPage()
    canvas.save()
    return path


def page_of(quote: str, each: int = 6) -> int:
    """Return the page on which a quotation begins, from the text written to each page."""
    begin = " ".join(quote.split())[:30]
    (number,) = (number for number, sentence in enumerate(SENTENCES) if sentence.startswith(begin))
    return 1 + number // each


def ask(registry: Registry, memory: str, question: str = "Who was proud of the harbour at Thorle?") -> dict[str, Any]:
    given: Any = {"memory_id": memory, "query": question}
    return build_graph(registry).invoke(given, context=TINY)


def test_citations_and_evidence_name_their_page(registry: Registry, tmp_path: Path) -> None:
    given: Any = {"files": [str(paged(tmp_path / "log.pdf"))], "query": "Who was proud of Averil?"}
    result = build_graph(registry).invoke(given, context=TINY)
    assert result["citations"]
    for found in [*result["citations"], *(ask(registry, result["memory_id"])["citations"])]:
        assert found["page"] == page_of(found["quote"])
    for passage in result["evidence"]:
        assert passage.metadata["page"] == page_of(passage.page_content)


def test_citations_and_evidence_of_pages_read_by_ocr_say_so(registry: Registry, tmp_path: Path) -> None:
    document = read_document(paged(tmp_path / "log.pdf"), name="log.pdf")
    scanned = replace(document, page_map=replace(document.page_map, scanned=(1, 3, 5, 7)))
    memory = registry.memorize([scanned], TINY).memory.id
    registry.forget(memory)
    result = ask(registry, memory)
    found = [*result["citations"], *(it.metadata for it in result["evidence"])]
    assert {it["page"] % 2 for it in found} == {0, 1}
    for it in found:
        assert it.get("ocr") is (True if it["page"] % 2 else None)
    for citation in result["citations"]:
        extras = annotations(result["answer"], [citation], memory)[0]["extras"]
        assert ("ocr" in extras) == bool(citation["page"] % 2)


def test_a_saved_memory_keeps_its_pages(registry: Registry, tmp_path: Path) -> None:
    document = read_document(paged(tmp_path / "log.pdf"), name="log.pdf")
    registry.memorize([document], TINY, tmp_path / "memory")
    described = read_info(tmp_path / "memory")["documents"][0]
    assert PageMap.of(described["places"]) == document.page_map
    registry.forget(read_info(tmp_path / "memory")["memory_id"])
    assert registry.open(tmp_path / "memory", TINY).page_maps == {"log.pdf": document.page_map}


def test_a_changed_memory_keeps_the_pages_of_the_remaining_documents(registry: Registry, tmp_path: Path) -> None:
    document = read_document(paged(tmp_path / "log.pdf"), name="log.pdf")
    other = Document("plain.txt", "A text without pages. " * 40)
    registry.memorize([document], TINY, tmp_path / "memory")
    grown = registry.revise(tmp_path / "memory", lambda memory: appended(memory, [other]), TINY)
    assert grown.page_maps == {"log.pdf": document.page_map, "plain.txt": PageMap()}
    left = registry.revise(tmp_path / "memory", lambda memory: removed(memory, "log.pdf"), TINY)
    assert "places" not in read_info(tmp_path / "memory")["documents"][0]
    assert left.page_maps == {"plain.txt": PageMap()}


def test_pages_do_not_change_the_address_of_a_memory(registry: Registry) -> None:
    plain = registry.memorize([Document("a", TEXT)], TINY).memory.id
    assert plain == registry.memorize([Document("a", TEXT, PageMap(pages=((0, 1),)))], TINY).memory.id


def test_a_text_of_a_loader_is_kept_unchanged() -> None:
    (document,) = from_langchain([LangChainDocument("\n  A text.\n", metadata={"source": "a.txt"})])
    assert (document.text, document.page_map) == ("\n  A text.\n", PageMap())


def test_pages_of_a_loader_are_known() -> None:
    loaded = [
        LangChainDocument(f"Page {number}.", metadata={"source": "a.pdf", "page": number - 1}) for number in (1, 2, 3)
    ]
    (document,) = from_langchain([*loaded])
    assert [document.page_map.page(document.text.index(f"Page {number}")) for number in (1, 2, 3)] == [1, 2, 3]


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\report.pdf", "report.pdf"),
        ("a\x00b.txt", "ab.txt"),
        ("..", "document"),
        ("", "document"),
    ],
)
def test_names_of_uploads_are_not_paths(given: str, name: str) -> None:
    assert document_name(given) == name
