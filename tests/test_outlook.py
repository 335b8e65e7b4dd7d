"""Outlook messages: headers, body, attachments, messages within messages."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from memorag_graph.documents import read_document
from memorag_graph.errors import InputError
from tests.ole_writer import attachment, message, write_ole

pytest.importorskip("olefile", reason="needs pip install 'memorag-graph[documents]'")

SENT = datetime(2024, 3, 4, 14, 30, tzinfo=UTC)
HEADERS = {"0037": "Harbour fees", "0C1A": "Anna Zając", "5D01": "anna@example.org", "0E04": "Port office"}
BODY = "The fee is 14 crowns.\r\n\r\nPay at the quay. 🚢"


def test_a_message_shows_its_headers_body_and_attachments(tmp_path: Path) -> None:
    files = [attachment({"3707": "fees 2024.xlsx", "3704": "FEES20~1.XLS"}), attachment({"3704": "MAP.PDF"})]
    document = read_document(write_ole(tmp_path / "a.msg", message({**HEADERS, "1000": BODY}, files, SENT)))
    assert document.text == (
        "Harbour fees\n\nFrom: Anna Zając <anna@example.org>\nTo: Port office\nDate: 2024-03-04 14:30 UTC\n"
        "Subject: Harbour fees\n\n"
        "The fee is 14 crowns.\n\nPay at the quay. 🚢\n\nAttachment: fees 2024.xlsx\n\nAttachment: MAP.PDF"
    )
    assert document.page_map.sections == ((0, "Harbour fees"),)


def test_another_reader_finds_the_same(tmp_path: Path) -> None:
    oxmsg = pytest.importorskip("oxmsg", reason="needs pip install python-oxmsg")
    path = write_ole(
        tmp_path / "a.msg", message({**HEADERS, "1000": BODY * 200}, [attachment({"3707": "a.txt"})], SENT)
    )
    other = oxmsg.Message.load(str(path))
    text = read_document(path).text
    assert other.subject in text
    assert other.body.replace("\r\n", "\n").strip() in text
    assert [f"Attachment: {it.file_name}" in text for it in other.attachments] == [True]


def test_a_body_of_html_is_read_without_what_it_hides(tmp_path: Path) -> None:
    html = '<html><meta charset="utf-8"><p>Le café ouvre à 7.</p><p style="display:none">It opens at 3.</p></html>'
    document = read_document(write_ole(tmp_path / "a.msg", message({"0037": "Hours", "1013": html.encode()})))
    assert document.text == "Hours\n\nLe café ouvre à 7."
    assert document.notices == ("Hidden text was left out.",)


def test_a_message_that_is_quoted_is_a_section_of_its_own(tmp_path: Path) -> None:
    body = "Now 950.\r\n\r\nFrom: Bo Lund\r\nSent: Monday\r\nTo: Ann\r\nSubject: Rent\r\n\r\nIt was 900."
    document = read_document(write_ole(tmp_path / "a.msg", message({"0037": "Rent", "1000": body})))
    assert [title for _, title in document.page_map.sections] == ["Rent", "Quoted: Bo Lund"]
    html = b"<p>Now 950.</p><blockquote>It was 900.</blockquote>"
    document = read_document(write_ole(tmp_path / "b.msg", message({"0037": "Rent", "1013": html})))
    assert [title for _, title in document.page_map.sections] == ["Rent", "Quoted: an earlier message"]


def test_an_attached_message_is_read(tmp_path: Path) -> None:
    inner = message({"0037": "Inner", "1000": "The gate opens at seven."}, inner=True)
    tree = message({"0037": "Outer", "1000": "See below."}, [attachment({}, inner)])
    document = read_document(write_ole(tmp_path / "a.msg", tree))
    assert document.text == "Outer\n\nSee below.\n\nInner\n\nThe gate opens at seven."
    assert [title for _, title in document.page_map.sections] == ["Outer", "Inner"]


def test_a_body_that_is_not_read_is_said(tmp_path: Path) -> None:
    document = read_document(write_ole(tmp_path / "a.msg", message({"0037": "Hours", "1009": b"LZFu" * 9})))
    assert document.notices == ("The body is compressed RTF and was not read; save the message as .eml.",)


@pytest.mark.parametrize(("stream", "words"), [
    ("WordDocument", "Word 97 files .DOC. are not supported; save it as DOCX or PDF"),
    ("Workbook", "Excel 97 files .XLS. are not supported; save it as XLSX or CSV"),
    ("PowerPoint Document", "PowerPoint 97 files .PPT. are not supported; save it as PPTX or PDF"),
    ("EncryptedPackage", "is password-protected; save it without a password"),
    ("Contents", "files of old Office programs are not supported"),
])  # fmt: skip
def test_other_files_of_the_container_are_refused_by_name(tmp_path: Path, stream: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        read_document(write_ole(tmp_path / "a.docx", {stream: b"x" * 5000}))


def test_a_cut_message_is_refused(tmp_path: Path) -> None:
    path = write_ole(tmp_path / "a.msg", message({**HEADERS, "1000": BODY * 900}, [], SENT))
    data = path.read_bytes()
    for length in (8, 100, 512, 600, len(data) // 2, len(data) - 600):
        path.write_bytes(data[:length])
        with pytest.raises(InputError, match="damaged"):
            read_document(path)
