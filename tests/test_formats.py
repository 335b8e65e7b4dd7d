"""The registry of formats: what is recognized, what is refused and how, encodings, converters."""

import gzip
import io
import sqlite3
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from memorag_graph.documents import FORMATS, SUFFIXES, read_document
from memorag_graph.errors import InputError, UnreadFormatError
from tests.test_documents import archive, content, needs_office, office


def image(kind: str) -> Callable[[Path], Path]:
    def write(path: Path) -> Path:
        from PIL import Image

        Image.new("RGB", (40, 30), 200).save(path, kind)
        return path

    return write


def database(path: Path) -> Path:
    with sqlite3.connect(path) as opened:
        opened.execute("create table a (b text)")
    opened.close()
    return path


def tar(path: Path) -> Path:
    with tarfile.open(path, "w") as opened:
        entry = tarfile.TarInfo("a.txt")
        entry.size = 4
        opened.addfile(entry, io.BytesIO(b"text"))
    return path


UNREAD: dict[str, tuple[str, Callable[[Path], Path], str]] = {
    "PNG": ("a.png", image("PNG"), "PNG images are not supported; read it with an OCR program"),
    "JPEG named text": ("a.txt", image("JPEG"), "JPEG images are not supported"),
    "GIF": ("a.gif", image("GIF"), "GIF images"),
    "TIFF": ("a.tiff", image("TIFF"), "TIFF images"),
    "WebP": ("a.webp", image("WEBP"), "WebP images"),
    "SQLite": ("a.db", database, "SQLite databases are not supported; export its tables as CSV"),
    "tar": ("a.tar", tar, "tar archives are not supported; unpack it"),
    "gzip": ("a.txt.gz", content(gzip.compress(b"text")), "gzip archives"),
    "zip": ("a.zip", archive({"a.txt": b"text"}), "ZIP archives without a document are not supported; unpack it"),
    "7z": ("a.7z", content(b"7z\xbc\xaf\x27\x1c\0\4"), "7z archives"),
    "XLSB": ("a.xlsb", archive({"xl/workbook.bin": b"\1"}),
    "binary workbooks .XLSB. are not supported; save it as XLSX"),
    "Numbers": ("a.numbers", archive({"Index/Document.iwa": b"\1"}), "Apple Pages, Numbers and Keynote files"),
    "Visio": ("a.vsdx", archive({"visio/document.xml": b"<a/>"}), "Visio drawings"),
    "MP3": ("a.mp3", content(b"ID3\4" + bytes(90)), "audio files are not supported; give a transcript"),
    "MP4": ("a.mp4", content(b"\0\0\0\x20ftypisom" + bytes(90)), "audio files and videos"),
    "WAV": ("a.wav", content(b"RIFF\1\0\0\0WAVEfmt " + bytes(90)), "audio files"),
    "Parquet": ("a.parquet", content(b"PAR1\x15\0" + bytes(90)), "Parquet files"),
    "program": ("a.exe", content(b"MZ\x90\0" + bytes(90)), "programs"),
    "program by its name": ("b.exe", content(b"abcd"), "programs"),
    "PostScript": ("a.ps", content(b"%!PS-Adobe-3.0\n(text) show"),
    "PostScript files are not supported; convert it to PDF"),
    "mailbox": ("a.mbox", content(b"From a@b Mon\nSubject: x\n\ntext"), "mailboxes .mbox."),
    "Kindle": ("a.mobi", content(bytes(60) + b"BOOKMOBI"), "Kindle books"),
    "random": ("a.bin", content(bytes(range(256)) * 9), "is not a text file"),
}  # fmt: skip


@pytest.mark.parametrize("what", UNREAD)
def test_a_format_that_is_not_read_is_named_with_what_to_do(tmp_path: Path, what: str) -> None:
    name, make, message = UNREAD[what]
    path = make(tmp_path / name)
    with pytest.raises(UnreadFormatError, match=message) as refusal:
        read_document(path)
    assert name in str(refusal.value)
    assert read_document(path, converter=lambda given: f"# Read\n\n{given.name}\n").text == f"# Read\n\n{name}\n"


@needs_office
@pytest.mark.parametrize(("suffix", "source", "message"), [
    ("doc", "txt", "Word 97 files"), ("xls", "csv", "Excel 97 files"), ("ppt", "fodp", "PowerPoint 97 files"),
])  # fmt: skip
def test_an_office_program_s_old_files_are_refused(tmp_path: Path, suffix: str, source: str, message: str) -> None:
    path = tmp_path / f"a.{source}"
    if source == "fodp":
        pptx = pytest.importorskip("pptx", reason="needs pip install python-pptx")
        path = tmp_path / "a.pptx"
        pptx.Presentation().save(str(path))
    else:
        path.write_text("Depot,Stock\nLeeds,44\n")
    with pytest.raises(UnreadFormatError, match=message):
        read_document(office(path, suffix))


@pytest.mark.parametrize("text", [
    "MZ is how programs begin.", "ID3 tags hold titles.", "BZh and PAR1 are magic numbers.", "GIF89a was a format.",
    "From here on, all is text.", r"\documentclass{article}\begin{document}Text.\end{document}", "8BPS", "xxxxftyp",
])  # fmt: skip
def test_a_text_that_begins_like_another_format_is_text(tmp_path: Path, text: str) -> None:
    for name in ("a.txt", "a.rst", "a.key", "a"):
        assert read_document(content(text.encode())(tmp_path / name)).text == text


def test_suffixes_are_distinct() -> None:
    assert len(set(SUFFIXES)) == len(SUFFIXES)
    assert all(suffix.startswith(".") and suffix == suffix.lower() for suffix in SUFFIXES)


@pytest.mark.parametrize("it", [it for it in FORMATS if not it.is_text], ids=lambda it: it.name)
def test_a_text_named_as_another_format_is_refused(tmp_path: Path, it: object) -> None:
    for suffix in it.suffixes:  # type: ignore[attr-defined]
        with pytest.raises(InputError, match="despite its name"):
            read_document(content(b"Dear reader")(tmp_path / f"a{suffix}"))


def test_a_converter_is_asked_only_for_what_is_not_read(tmp_path: Path) -> None:
    def never(_: Path) -> str:
        raise ValueError("asked")

    assert read_document(content(b"Dear reader")(tmp_path / "a.txt"), converter=never).text == "Dear reader"
    with pytest.raises(InputError, match="despite its name"):
        read_document(content(b"Dear reader")(tmp_path / "a.pdf"), converter=never)
    with pytest.raises(ValueError, match="asked"):
        read_document(content(bytes(99))(tmp_path / "a.bin"), converter=never)
    for wrong, message in ((lambda _: " ", "no text"), (lambda _: None, "must return the Markdown")):
        with pytest.raises(InputError, match=message):
            read_document(tmp_path / "a.bin", converter=wrong)


@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.csv", "a.html", "a.srt", "a.json"])
def test_a_given_encoding_decides(tmp_path: Path, name: str) -> None:
    text = '["Паром, отчалил"]' if name.endswith("json") else "Паром, отчалил"
    path = content(text.encode("cp866"))(tmp_path / name)
    assert "Паром" in read_document(path, encoding="cp866").text
    assert "Паром" not in read_document(path, encoding="latin-1").text


def test_a_byte_order_mark_decides_over_a_given_encoding(tmp_path: Path) -> None:
    path = content("Паром".encode("utf-8-sig"))(tmp_path / "a.txt")
    assert read_document(path, encoding="cp1251").text == "Паром"
    path = content("Паром".encode("utf-16"))(tmp_path / "a.txt")
    assert read_document(path, encoding="cp1251").text == "Паром"


@pytest.mark.parametrize(
    "encoding",
    ["klingon", "utf-7", "unicode_escape", "base64", "rot13", "", "a\0b", "idna", "hex", "x" * 41, "utf 8", 5],
)
def test_an_encoding_that_is_none_is_refused(tmp_path: Path, encoding: Any) -> None:
    with pytest.raises(InputError, match=r"encoding: .* is no encoding that can be read"):
        read_document(content(b"text")(tmp_path / "a.txt"), encoding=encoding)


@pytest.mark.parametrize(("encoding", "data"), [("utf-8", b"a\xff"), ("ascii", b"ab\xe9"), ("shift_jis", b"\x81")])
def test_an_encoding_that_does_not_fit_is_refused(tmp_path: Path, encoding: str, data: bytes) -> None:
    with pytest.raises(InputError, match=f"encoding: .*a.txt is not in {encoding}"):
        read_document(content(data)(tmp_path / "a.txt"), encoding=encoding)


def test_importing_the_formats_loads_no_reader() -> None:
    readers = ("lxml", "olefile", "inscriptis", "pypdfium2")
    code = f"import sys, memorag_graph.documents; print([it for it in {readers} if it in sys.modules])"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )
