"""ODT: sections, lists, tables, notes, hidden text."""

import zipfile
from pathlib import Path

import pytest

from memorag_graph.documents import Document, read_document
from memorag_graph.errors import InputError
from tests.test_documents import needs_office, needs_pandoc, office, pandoc, section_of, words

pytest.importorskip("lxml", reason="needs pip install 'memorag-graph[documents]'")

HIDDEN = ("Hidden text was left out.",)


@needs_pandoc
def test_a_text_reads_as_the_docx_of_the_same_source(tmp_path: Path) -> None:
    odt, docx = (read_document(pandoc(tmp_path / f"letters.{suffix}")) for suffix in ("odt", "docx"))
    assert words(odt.text) == words(docx.text)
    assert [title for _, title in odt.page_map.sections] == [title for _, title in docx.page_map.sections]
    assert "passage: lorry | winter: 31 | summer: 38" in odt.text
    assert "- Tarvay Star, built 1931\n- Skerrow Maid, built 1947\n  - refitted twice" in odt.text
    assert section_of(odt, "Minutes of the council") == "1.2 Fares"


@needs_pandoc
@needs_office
def test_a_flat_file_reads_as_the_packed_one(tmp_path: Path) -> None:
    packed = pandoc(tmp_path / "letters.odt")
    assert words(read_document(office(packed, "fodt")).text) == words(read_document(packed).text)


NAMESPACES = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{space}:1.0"'
    for name, space in {
        "office": "office",
        "text": "text",
        "table": "table",
        "style": "style",
        "draw": "drawing",
        "fo": "xsl-fo-compatible",
        "svg": "svg-compatible",
    }.items()
)
STYLES = """<style:style style:name="H" style:family="text"><style:text-properties text:display="none"/></style:style>
<style:style style:name="I" style:family="text" style:parent-style-name="H"/>
<style:style style:name="S" style:family="text"><style:text-properties style:text-position="super 58%"/></style:style>
<style:style style:name="W" style:family="text"><style:text-properties fo:color="#ffffff"/></style:style>
<style:style style:name="V" style:family="text" style:parent-style-name="W"/>
<style:style style:name="T" style:family="text"><style:text-properties fo:font-size="1pt"/></style:style>
<style:style style:name="B"><style:paragraph-properties fo:background-color="#102030"/></style:style>
<style:style style:name="C"><style:table-cell-properties fo:background-color="#102030"/></style:style>
<text:list-style style:name="L"><text:list-level-style-number text:level="1" style:num-format="a" style:num-suffix=")"/>
</text:list-style>"""


def odt(directory: Path, body: str, styles: str = STYLES) -> Document:
    path = directory / "a.odt"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.text", zipfile.ZIP_STORED)
        archive.writestr("content.xml", (
            f"<office:document-content {NAMESPACES}><office:automatic-styles>{styles}</office:automatic-styles>"
            f"<office:body><office:text>{body}</office:text></office:body></office:document-content>"
        ))  # fmt: skip
    return read_document(path)


@pytest.mark.parametrize(("body", "expected"), [
    ("<text:p>a<text:s text:c='3'/>b<text:tab/>c<text:line-break/>d</text:p>", "a   b\tc\nd"),
    ("<text:p>10<text:span text:style-name='S'>3</text:span> litres</text:p>", "10^3 litres"),
    ("<text:tracked-changes><text:p>gone</text:p></text:tracked-changes><text:p>x</text:p>", "x"),
    ("<text:p>x<office:annotation><text:p>remark</text:p></office:annotation>y</text:p>", "xy"),
    ("<text:p>x<text:note><text:note-citation>1</text:note-citation><text:note-body><text:p>n</text:p></text:note-body>"
     "</text:note>y</text:p>", "xy\n\nn"),
    ("<text:p>x<draw:frame><draw:image/><svg:title>t</svg:title><svg:desc>alt</svg:desc></draw:frame>y</text:p>", "xy"),
    ("<text:p>x<draw:frame><draw:image/><svg:desc>red sign here</svg:desc></draw:frame>y</text:p>",
     "x (Picture: red sign here) y"),
    ("<text:p>x<draw:frame><draw:text-box><text:p>boxed</text:p></draw:text-box></draw:frame></text:p>", "x\n\nboxed"),
    ("<text:list text:style-name='L'><text:list-item><text:p>one</text:p></text:list-item><text:list-item><text:p>two"
     "</text:p><text:p>more</text:p></text:list-item></text:list>", "a) one\nb) two\n  more"),
    ("<table:table><table:table-row><table:table-cell><text:p>Ship</text:p></table:table-cell><table:table-cell>"
     "<text:p>Berths</text:p></table:table-cell></table:table-row><table:table-row><table:table-cell "
     "table:number-rows-spanned='2'><text:p>Heron</text:p></table:table-cell><table:table-cell><text:p>41</text:p>"
     "</table:table-cell></table:table-row><table:table-row><table:covered-table-cell/><table:table-cell><text:p>44"
     "</text:p></table:table-cell></table:table-row></table:table>",
     "Ship: Heron | Berths: 41\nShip: Heron | Berths: 44"),
])  # fmt: skip
def test_elements_become_what_they_show(tmp_path: Path, body: str, expected: str) -> None:
    document = odt(tmp_path, body)
    assert (document.text, document.notices) == (expected, ())


@pytest.mark.parametrize("hidden", [
    "<text:p>Seen.<text:span text:style-name='H'>no</text:span></text:p>",
    "<text:p>Seen.<text:span text:style-name='I'>no</text:span></text:p>",
    "<text:p>Seen.<text:span text:style-name='W'>no</text:span></text:p>",
    "<text:p>Seen.<text:span text:style-name='V'>no<text:span>no</text:span></text:span></text:p>",
    "<text:p>Seen.<text:span text:style-name='T'>no</text:span></text:p><text:p text:style-name='W'>no</text:p>",
    "<text:p>Seen.</text:p><text:section text:display='none'><text:p>no</text:p></text:section>",
])  # fmt: skip
def test_hidden_text_is_left_out_with_a_notice(tmp_path: Path, hidden: str) -> None:
    document = odt(tmp_path, hidden)
    assert (document.text, document.notices) == ("Seen.", HIDDEN)


@pytest.mark.parametrize("shown", [
    "<text:p text:style-name='B'><text:span text:style-name='W'>Seen.</text:span></text:p>",
    "<table:table><table:table-row><table:table-cell table:style-name='C'><text:p text:style-name='W'>Seen.</text:p>"
    "</table:table-cell></table:table-row></table:table>",
    "<text:p><draw:frame><draw:text-box><text:p text:style-name='W'>Seen.</text:p></draw:text-box>"
    "</draw:frame></text:p>",
])  # fmt: skip
def test_white_text_on_what_may_be_coloured_is_read(tmp_path: Path, shown: str) -> None:
    document = odt(tmp_path, shown)
    assert (document.text, document.notices) == ("Seen.", ())


OUTLINE = """<text:outline-style>
<text:outline-level-style text:level="1" style:num-format="I" style:num-prefix="Part " style:num-suffix="."/>
<text:outline-level-style text:level="2" style:num-format="1" text:display-levels="2"/>
<text:outline-level-style text:level="3" style:num-format="a" style:num-suffix=")"/>
<text:outline-level-style text:level="4" style:num-format=""/></text:outline-style>"""


def h(level: int, text: str, more: str = "") -> str:
    return f"<text:h text:outline-level='{level}' {more}>{text}</text:h>"


def test_headings_have_the_numbers_that_libreoffice_shows(tmp_path: Path) -> None:
    headings = [
        h(1, "Aims"), h(2, "Dues"), h(2, "Fees"), h(3, "Small"), h(4, "Tiny"), h(1, "Results"),
        h(2, "Bare", "text:is-list-header='true'"), h(2, "More"),
        h(2, "Jump", "text:restart-numbering='true' text:start-value='7'"),
    ]  # fmt: skip
    document = odt(tmp_path, "".join(headings), OUTLINE)
    expected = ["Part I. Aims", "I.1 Dues", "I.2 Fees", "a) Small", "Tiny", "Part II. Results", "Bare", "II.1 More"]
    assert document.text.split("\n\n") == [*expected, "II.7 Jump"]


def test_headings_in_a_list_are_headings_with_the_numbers_of_the_list(tmp_path: Path) -> None:
    one, two = (f"<text:list text:style-name='L'><text:list-item>{h(1, it)}</text:list-item></text:list>"
                for it in ("Aims", "Results"))  # fmt: skip
    document = odt(tmp_path, f"{one}<text:p>We try.</text:p>{two}")
    assert document.text == "a) Aims\n\nWe try.\n\nb) Results"
    assert [title for _, title in document.page_map.sections] == ["a) Aims", "b) Results"]


def test_an_encrypted_file_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.odt", "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.text")
        archive.writestr("content.xml", b"\x01\x02")
        archive.writestr("META-INF/manifest.xml", "<manifest:encryption-data/>")
    with pytest.raises(InputError, match="password-protected"):
        read_document(tmp_path / "a.odt")


def test_the_notes_of_a_table_follow_it(tmp_path: Path) -> None:
    def note(text: str) -> str:
        return f"<text:note><text:note-body><text:p>{text}</text:p></text:note-body></text:note>"

    def cell(text: str) -> str:
        return f"<table:table-cell><text:p>{text}</text:p></table:table-cell>"

    hidden = f"<text:span text:style-name='H'>no{note('no')}</text:span>"
    cells = (("Depot", "Stock" + note("Of pallets.")), ("Leeds", "44" + hidden))
    rows = "".join(f"<table:table-row>{''.join(map(cell, row))}</table:table-row>" for row in cells)
    document = odt(tmp_path, f"<table:table>{rows}</table:table><text:p>Then.</text:p>")
    assert document.text == "Depot: Leeds | Stock: 44\n\nOf pallets.\n\nThen."
