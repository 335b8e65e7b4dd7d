"""The formats of files: how each is recognized, and which function reads it."""

from collections.abc import Callable
from dataclasses import dataclass

from memorag_graph.documents.csv_table import read_csv
from memorag_graph.documents.document import Document
from memorag_graph.documents.document_builder import Builder
from memorag_graph.documents.docx import read_docx
from memorag_graph.documents.email_message import read_email
from memorag_graph.documents.epub import CONTAINER, read_epub
from memorag_graph.documents.file import File
from memorag_graph.documents.html import read_html
from memorag_graph.documents.json_records import read_json, read_json_lines
from memorag_graph.documents.latex import read_latex
from memorag_graph.documents.markdown import read_markdown
from memorag_graph.documents.notebook import read_notebook
from memorag_graph.documents.odf import ODF_SUFFIXES, is_opendocument, read_odf
from memorag_graph.documents.outlook import is_outlook, read_outlook
from memorag_graph.documents.plain_text import TEXT_SUFFIXES, read_text
from memorag_graph.documents.pptx import read_pptx
from memorag_graph.documents.refusals import refuse_unread
from memorag_graph.documents.rtf import read_rtf
from memorag_graph.documents.setting_files import YAML_SUFFIXES, read_settings
from memorag_graph.documents.subtitles import is_subtitles, read_subtitles
from memorag_graph.documents.vcards import is_vcards, read_vcards
from memorag_graph.documents.xlsx import is_workbook, read_xlsx
from memorag_graph.documents.xml_text import read_xml_text
from memorag_graph.errors import InputError

_PDF = b"%PDF-"


def _never(_: File) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Format:
    """A format of files.

    Attributes:
        name: What messages and the documentation call it.
        suffixes: Suffixes of its files' names, in lower case; the first is the usual one.
        read: Reads a file.
        recognizes: Returns whether a file is of this format, by its content alone.
        is_text: Whether a file that is not recognized, but has one of the suffixes, is read; if not, its name is wrong.
    """

    name: str
    suffixes: tuple[str, ...]
    read: Callable[[File], Document | Builder]
    recognizes: Callable[[File], bool] = _never
    is_text: bool = False


def _has_folder(name: str) -> Callable[[File], bool]:
    return lambda file: any(part.startswith(name) for part in file.parts)


def _starts_with(*starts: bytes) -> Callable[[File], bool]:
    return lambda file: file.start.lower().startswith(starts)


def is_pdf(file: File) -> bool:
    """Return whether a file is a PDF."""
    return file.start.startswith(_PDF) or (file.suffix == ".pdf" and _PDF in file.head)


def _read_pdf(file: File) -> Builder:
    from memorag_graph.documents.pdf.pdf_reader import read_pdf  # loads NumPy

    return read_pdf(file.path, file.name, file.ocr)


TEXT = Format("plain text", TEXT_SUFFIXES, read_text, is_text=True)
"""The format of files that are of no other."""

FORMATS: tuple[Format, ...] = (
    Format("PDF", (".pdf",), _read_pdf, is_pdf),
    Format("DOCX", (".docx", ".docm", ".dotx"), read_docx, _has_folder("word/")),
    Format("XLSX", (".xlsx", ".xlsm", ".xltx"), read_xlsx, is_workbook),
    Format("PPTX", (".pptx", ".pptm", ".ppsx", ".potx"), read_pptx, _has_folder("ppt/")),
    Format("EPUB", (".epub",), read_epub, lambda file: CONTAINER in file.parts),
    Format("ODT, ODS and ODP", ODF_SUFFIXES, read_odf, is_opendocument),
    Format("Outlook message", (".msg",), read_outlook, is_outlook),
    Format("RTF", (".rtf",), read_rtf, _starts_with(b"{\\rtf")),
    Format("HTML", (".html", ".htm", ".xhtml"), read_html, _starts_with(b"<!doctype html", b"<html"), is_text=True),
    Format("XML", (".xml",), read_xml_text, _starts_with(b"<?xml"), is_text=True),
    Format("subtitles", (".srt", ".vtt"), read_subtitles, is_subtitles, is_text=True),
    Format("Jupyter notebook", (".ipynb",), read_notebook, is_text=True),
    Format("JSON", (".json", ".geojson"), read_json, is_text=True),
    Format("JSON lines", (".jsonl", ".ndjson"), read_json_lines, is_text=True),
    Format("CSV", (".csv", ".tsv", ".tab"), read_csv, is_text=True),
    Format("vCard", (".vcf", ".vcard"), read_vcards, is_vcards, is_text=True),
    Format(
        "settings",
        (".ini", ".toml", *YAML_SUFFIXES, ".cfg", ".conf", ".env", ".properties"),
        read_settings,
        is_text=True,
    ),
    Format("e-mail", (".eml", ".mht", ".mhtml"), read_email, is_text=True),
    Format("LaTeX", (".tex", ".latex", ".ltx"), read_latex, is_text=True),
    Format("Markdown", (".md", ".markdown"), read_markdown, is_text=True),
    TEXT,
)
"""All formats that are read, in the order in which they are asked whether they recognize a file."""

SUFFIXES = tuple(suffix for it in FORMATS for suffix in it.suffixes)
"""Suffixes of the formats that are read; a file of any other name is read if its content is recognized, or is text."""


def format_of(file: File) -> Format:
    """Return the format of a file: the content decides, then the name.

    Raises:
        InputError: If the content is not of the format that the name says.
        UnreadFormatError: If the format is not read.
    """
    recognized = next((it for it in FORMATS if it.recognizes(file)), None)
    if recognized is not None:
        return recognized
    refuse_unread(file)
    named = next((it for it in FORMATS if file.suffix in it.suffixes), TEXT)
    if not named.is_text:
        raise InputError(
            "file", f"{file.name} is not a {named.name} file despite its name; save it again, or rename it"
        )
    return named
