"""Read EPUB as text with sections: the HTML chapters in reading order."""

import posixpath
from urllib.parse import unquote
from zipfile import ZipFile

from memorag_graph.documents.archive import open_archive, read_part, read_xml
from memorag_graph.documents.document_builder import Builder
from memorag_graph.documents.file import File
from memorag_graph.documents.html import add_html, declared_charset
from memorag_graph.documents.plain_text import decode
from memorag_graph.errors import InputError

CONTAINER = "META-INF/container.xml"
"""The part that every book has."""

_ENCRYPTION = "META-INF/encryption.xml"
_MOST_CHAPTER = 64 << 20
_HEAD = 1024
_FONT_SCRAMBLING = (b"http://ns.adobe.com/pdf/enc#RC", b"http://www.idpf.org/2008/embedding")
_CHAPTER_TYPES = ("application/xhtml+xml", "text/html")


def read_epub(file: File) -> Builder:
    """Read the chapters of a book.

    Raises:
        InputError: If it is damaged, protected or too large.
        MissingExtraError: If the extra ``documents`` is not installed.
    """
    name = file.name
    builder = Builder(name)
    with open_archive(file.path, name) as archive:
        _refuse_protected(archive, name)
        for chapter in _chapters(archive, name):
            html = read_part(archive, chapter, name, _MOST_CHAPTER)
            add_html(builder, decode(html, f"{chapter} of {name}", declared_charset(html[:_HEAD])), name)
    return builder


def _refuse_protected(archive: ZipFile, name: str) -> None:
    if _ENCRYPTION not in archive.NameToInfo:
        return
    described = read_part(archive, _ENCRYPTION, name, _MOST_CHAPTER)
    if described.count(b"EncryptionMethod") > sum(described.count(algorithm) for algorithm in _FONT_SCRAMBLING):
        raise InputError("file", f"{name} is copy-protected; give a file without protection")


def _chapters(archive: ZipFile, name: str) -> list[str]:
    """Return the names of the chapters in reading order (EPUB 3.3, "Package document")."""
    container = read_xml(archive, CONTAINER, name, _MOST_CHAPTER)
    package = next((it.get("full-path") for it in container.iter("{*}rootfile")), None)
    if package is None:
        raise InputError("file", f"{name} names no book in its container; export it again")
    tree = read_xml(archive, package, name, _MOST_CHAPTER)
    pages = {it.get("id"): it.get("href") for it in tree.iter("{*}item") if it.get("media-type") in _CHAPTER_TYPES}
    order = [pages.get(it.get("idref")) for it in tree.iter("{*}itemref") if it.get("linear") != "no"]
    base = posixpath.dirname(package)
    chapters = [posixpath.normpath(posixpath.join(base, unquote(href))) for href in order if href]
    return list(dict.fromkeys(chapters))  # a chapter that is listed twice is read once
