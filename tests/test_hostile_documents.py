"""Small files that would expand to huge ones, and malformed files that no program writes."""

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import pytest

from memorag_graph.documents import document_builder, read_document
from memorag_graph.errors import InputError

pytest.importorskip("lxml", reason="needs pip install 'memorag-graph[documents]'")

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
MAIN = f'<Relationships><Relationship Type="{R}/officeDocument" Target="word/document.xml"/></Relationships>'
PARTS = ("styles", "numbering", "footnotes", "header")


def docx(path: Path, body: str, **parts: str) -> Path:
    """Write a document of a body and other parts, all without their outermost elements."""
    related = "".join(f'<Relationship Type="{R}/{part}" Target="{part}.xml"/>' for part in PARTS if part in parts)
    return archive(path, {
        "_rels/.rels": MAIN,
        "word/document.xml": f'<w:document xmlns:w="{W}"><w:body>{body}</w:body></w:document>',
        "word/_rels/document.xml.rels": f"<Relationships><Relationship/>{related}</Relationships>",
        **{f"word/{part}.xml": f'<w:{part} xmlns:w="{W}">{xml}</w:{part}>' for part, xml in parts.items()},
    })  # fmt: skip


def archive(path: Path, parts: Mapping[str, str | bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as written:
        for part, content in parts.items():
            written.writestr(part, content)
    return path


def paragraph(text: str, properties: str = "") -> str:
    return f"<w:p><w:pPr>{properties}</w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>"


def numbers(level: str, more: str = "") -> str:
    return (
        f'<w:abstractNum w:abstractNumId="1">{level}</w:abstractNum>'
        f'<w:num w:numId="1"><w:abstractNumId w:val="1"/>{more}</w:num>'
    )


NUMBERED = '<w:numPr><w:ilvl w:val="0"/><w:numId w:val="1"/></w:numPr>'


def test_a_long_number_is_cut(tmp_path: Path) -> None:
    level = f'<w:lvl w:ilvl="0"><w:start w:val="1"/><w:lvlText w:val="{"x" * 100_000}%1"/></w:lvl>'
    path = docx(tmp_path / "a.docx", paragraph("term", NUMBERED) * 300, numbering=numbers(level))
    assert len(read_document(path).text) < 300 * 300


@pytest.mark.parametrize("level", [
    "<w:lvl/>", '<w:lvl w:ilvl="x"/>', '<w:lvl w:ilvl="-3"/>', '<w:lvl w:ilvl="99999999999"/>', "<w:nothing/>",
    '<w:lvl w:ilvl="0"><w:lvlText w:val=""/></w:lvl>', '<w:lvl w:ilvl="0"><w:start w:val="many"/></w:lvl>',
])  # fmt: skip
def test_numbers_that_cannot_be_counted_are_left_out(tmp_path: Path, level: str) -> None:
    path = docx(tmp_path / "a.docx", paragraph("term", NUMBERED), numbering=numbers(level))
    assert read_document(path).text == "term"


def test_long_chains_of_styles_and_lists_with_many_exceptions_are_read(tmp_path: Path) -> None:
    count = 2_000
    styles = "".join(
        f'<w:style w:type="paragraph" w:styleId="s{it}"><w:basedOn w:val="s{it + 1}"/></w:style>' for it in range(count)
    )
    overrides = f'<w:lvlOverride w:ilvl="0"><w:startOverride w:val="{7}"/></w:lvlOverride>' * count
    level = '<w:lvl w:ilvl="0"><w:start w:val="1"/><w:lvlText w:val="%1."/></w:lvl>'
    body = "".join(paragraph(f"line {it}", f'<w:pStyle w:val="s{it}"/>{NUMBERED}') for it in range(count))
    path = docx(tmp_path / "a.docx", body, styles=styles, numbering=numbers(level, overrides))
    read = read_document(path).text.splitlines()
    assert (read[0], read[-1]) == ("7. line 0", f"{6 + count}. line {count - 1}")


def test_parts_without_text_are_not_even_unpacked(tmp_path: Path) -> None:
    path = docx(tmp_path / "a.docx", paragraph("term"), header="<w:p/>" * 1_000)
    data = path.read_bytes()
    at = data.index(b"word/header.xml") + len("word/header.xml") + 4
    path.write_bytes(data[:at] + b"\0\0\0\0" + data[at + 4 :])
    with zipfile.ZipFile(path) as damaged, pytest.raises((zipfile.BadZipFile, zlib.error)):
        damaged.read("word/header.xml")
    assert read_document(path).text == "term"


def test_a_document_that_names_parts_it_lacks_is_read(tmp_path: Path) -> None:
    path = docx(tmp_path / "a.docx", paragraph("term", NUMBERED))
    relations = "".join(f'<Relationship Type="{R}/{part}" Target="{part}.xml"/>' for part in PARTS)
    with zipfile.ZipFile(path) as read:
        parts = {it: read.read(it) for it in read.namelist()}
    parts["word/_rels/document.xml.rels"] = f"<Relationships>{relations}</Relationships>".encode()
    assert read_document(archive(tmp_path / "b.docx", parts)).text == "term"


def test_a_note_is_read_once(tmp_path: Path) -> None:
    box = "<w:r><w:pict><w:txbxContent>" + paragraph("boxed") + "</w:txbxContent></w:pict></w:r>"
    choice = (
        '<w:r><mc:AlternateContent xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"><mc:Choice>'
        f"{box}</mc:Choice><mc:Fallback>{box}</mc:Fallback></mc:AlternateContent></w:r>"
    )
    refers = "<w:p><w:r><w:t>see</w:t><w:footnoteReference w:id='1'/></w:r></w:p>"
    note = f"<w:footnote w:id='1'><w:p><w:r><w:t>note</w:t></w:r>{choice}</w:p></w:footnote>"
    path = docx(tmp_path / "a.docx", paragraph("term") + refers * 2 + paragraph("end"), footnotes=note)
    assert read_document(path).text == "term\n\nsee\n\nnote\nboxed\n\nsee\n\nend"


def test_a_chapter_that_is_named_often_is_read_once(tmp_path: Path) -> None:
    package = '<item id="a" href="a.html" media-type="text/html"/>' + '<itemref idref="a"/>' * 10_000
    path = archive(tmp_path / "a.epub", {
        "META-INF/container.xml": '<c><rootfile full-path="p.opf"/></c>', "p.opf": f"<p>{package}</p>",
        "a.html": "<p>The ferry sailed.</p>",
    })  # fmt: skip
    assert read_document(path).text == "The ferry sailed."


def test_a_table_with_one_huge_cell_is_not_padded(tmp_path: Path) -> None:
    rows = "".join(f"<tr><td>row {it}</td><td>{it}</td></tr>" for it in range(5_000))
    (tmp_path / "a.html").write_text(f"<html><table><tr><td>{'long ' * 20_000}</td></tr>{rows}</table></html>")
    text = read_document(tmp_path / "a.html").text
    assert len(text) < 300_000
    assert text.count("row ") == 5_000


@pytest.mark.parametrize("name", ["utf-7", "unicode_escape", "punycode"])
def test_an_encoding_that_browsers_do_not_support_is_ignored(tmp_path: Path, name: str) -> None:
    text = r"1 +AGE- 2, \x41 and so-on"
    (tmp_path / "a.html").write_text(f"<html><meta charset={name}><p>{text}</p></html>")
    assert read_document(tmp_path / "a.html").text == text


def test_a_text_that_grows_too_long_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document_builder, "MOST_CHARACTERS", 1_000)
    with pytest.raises(InputError, match=r"a\.docx contains more than 1,000 characters of text; split it"):
        read_document(docx(tmp_path / "a.docx", paragraph("term") * 1_000))


@pytest.mark.parametrize(("parts", "message"), [
    ({"word/document.xml": f'<w:document xmlns:w="{W}"/>'}, "damaged"),
    ({"word/document.xml": "<w:document"}, "damaged"),
    ({"word/document.xml": "<p/>", "_rels/.rels": MAIN.replace("word/", "../../e/")}, "lacks its part e/document.xml"),
    ({"word/document.xml": "", **{f"{it:0200}": "" for it in range(20_100)}}, "more than 20,000 parts"),
])  # fmt: skip
def test_archives_without_a_document_are_refused(tmp_path: Path, parts: Mapping[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_document(archive(tmp_path / "a.docx", parts))


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_part_that_was_overwritten_is_refused(tmp_path: Path, method: int) -> None:
    path = archive(tmp_path / "a.docx", {"_rels/.rels": MAIN, "word/document.xml": "<p>" + "the ferry " * 99}, method)
    data = bytearray(path.read_bytes())
    at = data.index(b"word/document.xml") + len("word/document.xml") + 4
    data[at : at + 5] = b"\xff" * 5
    path.write_bytes(data)
    with pytest.raises(InputError, match="damaged"):
        read_document(path)
