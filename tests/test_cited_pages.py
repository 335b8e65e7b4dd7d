"""What the panel of a citation is made of: kept files, pages of a quotation, rows of tables, HTML."""

import html
import re
import stat
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt
from streamlit.testing.v1 import AppTest

from memorag_graph.documents import PageMap, read_document
from memorag_graph.documents.cited_rows import CitedRows, cited_rows
from memorag_graph.documents.kept_files import KEPT, KeptFiles
from memorag_graph.documents.pdf.page_picture import PagePicture
from memorag_graph.library.found_files import uploaded_file
from memorag_graph.library.library import Library
from memorag_graph.registry import Registry
from memorag_graph.text.chunking import Chunk
from memorag_graph.ui.citation_links import citation_at, linked
from memorag_graph.ui.cited_page import CitedDocument, page_html, page_parts, table_html
from memorag_graph.ui.jobs import Jobs
from memorag_graph.ui.memory_work import Memorizing
from memorag_graph.ui.uploaded_files import UploadedFiles, kept_file
from tests.conftest import TINY
from tests.pdf_files import STORIES, written
from tests.test_ui_parts import ended, scope


def pdf(path: Path, text: str = STORIES[0]) -> Path:
    return written(path, [[(40, 700 - 20 * at, text[start : start + 80]) for at, start in enumerate((0, 80, 160))]])


def test_only_pdf_files_are_kept_privately_and_once(tmp_path: Path) -> None:
    kept = KeptFiles(tmp_path / "store" / KEPT)
    (tmp_path / "a.txt").write_text("%PDF, as it is written")
    kept.add("a", tmp_path / "a.txt")
    assert not (tmp_path / "store").exists()
    first = pdf(tmp_path / "first.pdf").read_bytes()
    kept.add("b", tmp_path / "first.pdf")
    kept.add("b", pdf(tmp_path / "second.pdf", STORIES[1]))
    file = kept.find("b")
    assert file is not None
    assert file.read_bytes() == first
    assert [stat.S_IMODE(it.stat().st_mode) for it in (file, file.parent)] == [0o600, 0o700]
    (file.parent / ".c.pdf-killed").touch()
    kept.keep_only({"b"})
    assert [it.name for it in file.parent.iterdir()] == [file.name]
    kept.keep_only(set())
    assert kept.find("b") is None


def test_a_memory_keeps_its_files_as_long_as_it_exists(registry: Registry, tmp_path: Path) -> None:
    path = pdf(tmp_path / "a.pdf")
    document, jobs = read_document(path, name="a.pdf"), Jobs()
    files = UploadedFiles()
    files.add(document, path)
    job = jobs.start(Memorizing(scope(registry), [document], files), "me")
    assert ended(job) == "done"
    file = kept_file(registry.store, job.memory_id, document.sha256)
    assert file is not None
    assert file.read_bytes() == path.read_bytes()
    assert kept_file(registry.store, job.memory_id, "0" * 64) is None
    registry.delete(job.memory_id)
    assert not list(registry.store.root.rglob("*.pdf"))


def test_files_of_an_upload_end_with_it(registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    path = pdf(tmp_path / "a.pdf")
    document = read_document(path)
    files = UploadedFiles()
    assert not (tmp_path / "tmp").exists()
    files.add(document, path)
    assert len(list((tmp_path / "tmp").rglob("*.pdf"))) == 1
    files.keep_with(registry.store, "0" * 32, [document.sha256])  # a memory that was deleted meanwhile
    del files
    assert not list((tmp_path / "tmp").iterdir())
    assert not list(registry.store.root.rglob("*.pdf"))


def test_a_library_keeps_the_files_of_its_documents_and_no_others(registry: Registry, tmp_path: Path) -> None:
    library = Library.open(tmp_path / "library", registry, embedding_model=TINY.embedding_model)
    place = tmp_path / "library" / KEPT
    library.add(uploaded_file(pdf(tmp_path / "a.pdf"), "a.pdf"))
    assert not place.exists()
    library.add(uploaded_file(tmp_path / "a.pdf", "a.pdf", keep=True))  # known, but its file was not kept
    library.add(uploaded_file(pdf(tmp_path / "b.pdf", STORIES[1]), "b.pdf", keep=True))
    originals = {it.name: library.stores.originals.find(it.text_sha256) for it in library.stores.catalogue.entries()}
    assert {name: file and file.read_bytes() for name, file in originals.items()} == {
        name: (tmp_path / name).read_bytes() for name in ("a.pdf", "b.pdf")
    }
    library.remove("a.pdf")
    assert list(place.iterdir()) == [originals["b.pdf"]]
    library.remove("b.pdf")
    assert not list(place.iterdir())


def cited(text: str, quote: str, pages: tuple[tuple[int, int], ...]) -> list[tuple[int, str, str, str]]:
    start = text.index(quote)
    citation = {"source": "a", "start": start, "end": start + len(quote), "quote": quote}
    document = CitedDocument([Chunk("a", 0, 0, len(text), text)], PageMap(pages=pages))
    return [(number, it.before, it.text, it.after) for number, it in page_parts(document, citation)]


def test_a_quotation_is_divided_among_its_pages() -> None:
    text = "One two.\n\nThree four five.\n\nSix."
    pages = ((0, 1), (10, 2), (28, 4))
    assert cited(text, "two.", pages) == [(1, "One ", "two.", "\n\n")]
    assert cited(text, "four five.", pages) == [(2, "Three ", "four five.", "\n\n")]
    assert cited(text, "two.\n\nThree", pages) == [(1, "One ", "two.\n\n", ""), (2, "", "Three", " four five.\n\n")]
    assert [number for number, *_ in cited(text, text, pages)] == [1, 2]
    assert cited(text, "Six.", pages) == [(4, "", "Six.", "")]
    assert cited(text, "Six.", ()) == []


@pytest.mark.parametrize(
    ("quote", "header", "names", "rows"),
    [
        ("Depot: Leeds | Stock: 44", None, ("Depot", "Stock"), [("Leeds", "44")]),
        ("Depot: Leeds | Stock: 44\nDepot: York | Open: 9", None, ("Depot", "Stock", "Open"),
         [("Leeds", "44", ""), ("York", "", "9")]),
        ("Leeds | 44", None, ("", ""), [("Leeds", "44")]),
        ("Leeds | 44\nYork | 45", None, ("", ""), [("Leeds", "44"), ("York", "45")]),
        ("North | Stock: 44", None, ("", "Stock"), [("North", "44")]),
        ("Time: 10:30 | Note: see: b", None, ("Time", "Note"), [("10:30", "see: b")]),
        ("| Leeds | | 4\\|5 |", "Depot | Stock | Cost", ("Depot", "Stock", "Cost"), [("Leeds", "", "4|5")]),
        ("Leeds | 44 | 9", "Depot | Stock", ("Depot", "Stock", ""), [("Leeds", "44", "9")]),
    ],
)  # fmt: skip
def test_cited_rows_become_a_table(quote: str, header: str | None, names: Any, rows: Any) -> None:
    assert cited_rows(quote, header) == CitedRows(names, tuple(rows))


@pytest.mark.parametrize("quote", ["The harbour froze.", "Depot: Leeds", "Depot: Leeds | Stock: 44\nIt froze.", ""])
def test_other_quotations_are_no_table(quote: str) -> None:
    assert cited_rows(quote) is None


def test_the_html_of_pages_and_tables_is_escaped_and_says_what_is_marked() -> None:
    evil = '"><script>alert(1)</script>'
    marked = page_html(PagePicture(b"bytes", "image/png", 12, 17, ((0.1, 0.2, 0.5, 0.25),)), evil, 3, f"a  b {evil}")
    plain = page_html(PagePicture(b"bytes", "image/png", 12, 17, ()), "a.pdf", 3, "a b")
    rows = table_html(CitedRows((evil,), ((evil,),)))
    assert "<script>" not in marked + rows
    assert 'data:image/png;base64,Ynl0ZXM="' in marked
    assert "left:10.000%;top:20.000%;width:50.000%;height:25.000%" in marked
    assert re.search('alt="Page 3 of .* Marked: “a b ', marked)
    assert 'alt="Page 3 of a.pdf"' in plain
    assert "<mark" not in plain
    assert "<th" not in table_html(CitedRows(("", ""), (("a", "b"),)))


def test_marks_become_links_that_show_the_passage() -> None:
    citations = [
        {"number": 1, "quote": 'He said "no" [x]\n(twice).'},
        {"number": 2, "quote": "The harbour froze."},
        {"number": 1, "quote": "It <b>thawed</b>."},
    ]
    answer = 'He said "no". [1] It froze, and thawed. [2, 1] Nobody *knows*. [7]'
    shown = MarkdownIt().renderInline(linked(answer, citations, "3-plain"))
    assert re.findall('<a href="(.*?)" title="(.*?)">(.*?)</a>', shown) == [
        ("#cite-3-plain-0", "He said &quot;no&quot; [x] (twice).", "[1]"),
        ("#cite-3-plain-1", "The harbour froze.", "[2]"),
        ("#cite-3-plain-2", "It &lt;b&gt;thawed&lt;/b&gt;.", "[1]"),
    ]
    told = html.unescape(re.sub("<.*?>", "", shown))
    assert told == 'He said "no". [1] It froze, and thawed. [2] [1] Nobody *knows*. [7]'


@pytest.mark.parametrize(("ocr", "told"), [(True, ["Read by OCR"]), (None, [])])
def test_a_passage_of_a_page_read_by_ocr_says_so(ocr: bool | None, told: list[str]) -> None:
    def page(ocr: bool | None) -> None:
        from memorag_graph.text.chunking import Chunk
        from memorag_graph.ui.cited_page import CitedDocument
        from memorag_graph.ui.panels import show_passage

        citation = {"source": "a.txt", "start": 0, "end": 9, "quote": "The ferry", "page": 1, "ocr": ocr}
        show_passage(citation, lambda _: CitedDocument([Chunk("a.txt", 0, 0, 9, "The ferry")]))

    shown = AppTest.from_function(page, args=(ocr,)).run()
    assert not shown.exception
    assert [word for it in shown.caption for word in ("Read by OCR",) if word in it.value] == told


def test_a_link_leads_to_its_citation_or_nowhere() -> None:
    first, second, plain = ({"citations": [{"number": at}]} for at in range(3))
    turns = [{"result": first}, {"result": second, "plain": plain}]
    assert citation_at(turns, "#cite-0-0") == (first, first["citations"][0])
    assert citation_at(turns, "#cite-1-plain-0") == (plain, plain["citations"][0])
    for place in ("#cite-0-plain-0", "#cite-0-1", "#cite-2-0", "#cite-x", "", None):
        assert citation_at(turns, place) is None
