"""Formats that are not read: recognized, so that the refusal can say what a file is and what to do."""

from dataclasses import dataclass

from memorag_graph.documents.file import File
from memorag_graph.documents.outlook import ole_streams
from memorag_graph.errors import InputError, UnreadFormatError

_EXPORT = "export it as PDF or DOCX"
_UNPACK = "unpack it and give its files"
_WRITE_DOWN = "give a transcript as text, SRT or VTT"
_TEXT_OF_IMAGE = "read it with an OCR program, or save it as PDF and give read_document a function ocr"
_QUERY = "export its tables as CSV"


@dataclass(frozen=True, slots=True)
class Unread:
    """A kind of file that is not read.

    Attributes:
        name: What its files are, in the plural.
        advice: What to do instead.
        starts: First bytes of its files.
        offset: Where those bytes are.
        suffixes: Suffixes of its files, if nothing else tells them from other archives.
    """

    name: str
    advice: str
    starts: tuple[bytes, ...] = ()
    offset: int = 0
    suffixes: tuple[str, ...] = ()


_BY_BYTES = (
    Unread("PNG images", _TEXT_OF_IMAGE, (b"\x89PNG\r\n",)),
    Unread("JPEG images", _TEXT_OF_IMAGE, (b"\xff\xd8\xff",)),
    Unread("GIF images", _TEXT_OF_IMAGE, (b"GIF87a", b"GIF89a")),
    Unread("TIFF images", _TEXT_OF_IMAGE, (b"II*\0", b"MM\0*")),
    Unread("WebP images", _TEXT_OF_IMAGE, (b"WEBP",), 8),
    Unread("HEIC and AVIF images", _TEXT_OF_IMAGE, (b"ftyphe", b"ftypmif1", b"ftypavi"), 4),
    Unread("Photoshop images", _TEXT_OF_IMAGE, (b"8BPS",)),
    Unread("icons", _TEXT_OF_IMAGE, (b"\0\0\1\0",)),
    Unread("DjVu files", "convert it to PDF", (b"AT&TFORM",)),
    Unread("PostScript files", "convert it to PDF", (b"%!PS", b"\xc5\xd0\xd3\xc6")),
    Unread("audio files", _WRITE_DOWN, (b"ID3", b"fLaC", b"OggS", b"\xff\xfb", b"\xff\xf3", b"MThd", b"#!AMR")),
    Unread("audio files", _WRITE_DOWN, (b"WAVE",), 8),
    Unread("videos", _WRITE_DOWN, (b"AVI ",), 8),
    Unread("audio files and videos", _WRITE_DOWN, (b"ftyp",), 4),
    Unread("videos", _WRITE_DOWN, (b"\x1aE\xdf\xa3", b"FLV\1", b"\0\0\1\xba")),
    Unread("gzip archives", _UNPACK, (b"\x1f\x8b",)),
    Unread("bzip2 archives", _UNPACK, (b"BZh",)),
    Unread("xz archives", _UNPACK, (b"\xfd7zXZ",)),
    Unread("Zstandard archives", _UNPACK, (b"\x28\xb5\x2f\xfd",)),
    Unread("7z archives", _UNPACK, (b"7z\xbc\xaf\x27\x1c",)),
    Unread("RAR archives", _UNPACK, (b"Rar!\x1a\x07",)),
    Unread("tar archives", _UNPACK, (b"ustar",), 257),
    Unread("SQLite databases", _QUERY, (b"SQLite format 3\0",)),
    Unread("Access databases", _QUERY, (b"Standard Jet DB", b"Standard ACE DB"), 4),
    Unread("Parquet files", _QUERY, (b"PAR1",)),
    Unread("Arrow files", _QUERY, (b"ARROW1",)),
    Unread("HDF5 files", _QUERY, (b"\x89HDF\r\n",)),
    Unread("Outlook mailboxes (PST)", "save its messages as .msg or .eml", (b"!BDN",)),
    Unread("mailboxes (mbox)", "save its messages as .eml", (b"From ",), suffixes=(".mbox", ".mbx")),
    Unread("Kindle books", "convert it to EPUB", (b"BOOKMOBI",), 60),
    Unread("WordPerfect files", "save it as DOCX or PDF", (b"\xffWPC",)),
    Unread("programs", "give a document", (b"\x7fELF", b"MZ", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"\0asm")),
    Unread("fonts", "give a document", (b"OTTO", b"\0\1\0\0\0", b"wOFF", b"wOF2", b"ttcf")),
)
_PROGRAM = Unread(
    "programs", "give a document", suffixes=(".exe", ".dll", ".msi", ".com", ".so", ".dylib", ".pyc", ".class")
)
"""Programs by their names, whatever a damaged one holds."""

_CONTROLS = frozenset(range(32)) - set(b"\t\n\r\f\v\x1b")
_TEXTUAL = ("PostScript files", "mailboxes (mbox)")
"""Kinds of files that are text; a file of any other kind has control characters near its start."""

_BY_PART = (
    ("xl/workbook.bin", Unread("binary workbooks (XLSB)", "save it as XLSX")),
    ("Index/Document.iwa", Unread("Apple Pages, Numbers and Keynote files", _EXPORT)),
    ("Index.zip", Unread("Apple Pages, Numbers and Keynote files", _EXPORT)),
    ("index.apxl", Unread("Apple Keynote files", _EXPORT)),
    ("FixedDocSeq.fdseq", Unread("XPS files", "save it as PDF")),
    ("visio/document.xml", Unread("Visio drawings", "save it as PDF")),
)
_BY_STREAM = (
    ("WordDocument", Unread("Word 97 files (DOC)", "save it as DOCX or PDF")),
    ("Workbook", Unread("Excel 97 files (XLS)", "save it as XLSX or CSV")),
    ("Book", Unread("Excel 95 files (XLS)", "save it as XLSX or CSV")),
    ("PowerPoint Document", Unread("PowerPoint 97 files (PPT)", "save it as PPTX or PDF")),
    ("VisioDocument", Unread("Visio drawings", "save it as PDF")),
)
_ENCRYPTED = "EncryptedPackage"
_OTHER_OLE = Unread("files of old Office programs", "save it as DOCX, XLSX, PPTX or PDF")
_ZIP = Unread("ZIP archives without a document", _UNPACK)


def refuse_unread(file: File) -> None:
    """Refuse a file whose format is known but not read.

    Raises:
        InputError: If it is encrypted or damaged.
        UnreadFormatError: If its format is not read.
    """
    kind = _of_ole(file) or _of_archive(file) or _of_bytes(file) or _of_name(file)
    if kind is not None:
        raise UnreadFormatError(f"{file.name} is not read: {kind.name} are not supported; {kind.advice}")


def _of_ole(file: File) -> Unread | None:
    streams = ole_streams(file)
    if streams is None:
        return None
    if _ENCRYPTED in streams:
        raise InputError("file", f"{file.name} is password-protected; save it without a password")
    return next((kind for stream, kind in _BY_STREAM if stream in streams), _OTHER_OLE)


def _of_archive(file: File) -> Unread | None:
    if not file.is_archive:
        return None
    return next((kind for part, kind in _BY_PART if part in file.parts), _ZIP)


def _of_bytes(file: File) -> Unread | None:
    is_binary = not _CONTROLS.isdisjoint(file.head)
    for kind in _BY_BYTES:
        if not file.head.startswith(kind.starts, kind.offset) or (kind.suffixes and file.suffix not in kind.suffixes):
            continue
        if is_binary or kind.name in _TEXTUAL:
            return kind
    return None


def _of_name(file: File) -> Unread | None:
    return _PROGRAM if file.suffix in _PROGRAM.suffixes else None
