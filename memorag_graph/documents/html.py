"""Read HTML as text with sections; lists keep bullets, rows of tables become records."""

import re
from collections.abc import Callable
from functools import cache
from html import unescape
from typing import TYPE_CHECKING, Any

from memorag_graph.documents.document_builder import Builder
from memorag_graph.documents.html_definitions import write_definitions
from memorag_graph.documents.html_hidden import remove_deleted, remove_hidden
from memorag_graph.documents.html_marks import write_marks
from memorag_graph.documents.html_pictures import write_pictures
from memorag_graph.documents.html_tables import write_tables
from memorag_graph.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    from memorag_graph.documents.file import File

_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_BLOCKS = ("caption", "dd", "details", "dialog", "dl", "dt", "fieldset", "figcaption", "legend", "option", "summary")
"""Blocks that the library takes for parts of a line."""

_CHARSET = re.compile(
    rb"<meta[^>]{0,200}charset=[\"']?([\w-]{1,40})|<\?xml[^>]{0,200}encoding=[\"']([\w-]{1,40})", re.IGNORECASE
)
_TITLE = re.compile(r"<title[^<>]{0,100}>([^<]{1,300})</title>", re.IGNORECASE)
_HEAD = 100_000
"""Characters in which the title of a page is looked for."""

_DECLARATION = re.compile(r"\A\s*<\?xml[^>]*>")
_MOST_CHARACTERS = 64 << 20
"""The tree of a longer page takes too much memory."""


def declared_charset(head: bytes) -> str | None:
    """Return the encoding that the first bytes of a page declare."""
    found = _CHARSET.search(head)
    return (found[1] or found[2]).decode("ascii") if found else None


def read_html(file: "File") -> Builder:
    """Read a page.

    Raises:
        InputError: If it is too large or cannot be parsed.
        MissingExtraError: If the extra ``documents`` is not installed.
    """
    builder = Builder(file.name)
    html = file.text(declared_charset(file.head))
    add_html(builder, html, file.name)
    if title := _TITLE.search(html, 0, _HEAD):
        builder.title(unescape(title[1]))
    return builder


def add_html(builder: Builder, html: str, name: str) -> None:
    """Add an HTML page to a builder; what the page hides is left out."""
    builder.text(*html_text(builder, html, name))


def html_text(
    builder: Builder, html: str, name: str, change: Callable[[Any], None] | None = None
) -> tuple[str, list[tuple[int, str]]]:
    """Return the text of an HTML page, without what it hides, and the offset and title of each heading.

    Args:
        builder: Gets the notices.
        html: The page.
        name: Name of the file, for messages.
        change: Changes the tree of the page, without what is hidden, before it is written.
    """
    try:
        import cssselect  # noqa: F401 - for the rules that hide
        from inscriptis import Inscriptis
        from lxml.etree import ParserError
        from lxml.html import HTMLParser, document_fromstring
    except ImportError:
        raise MissingExtraError(f"reading the HTML of {name}", "documents") from None
    if len(html) > _MOST_CHARACTERS:
        raise InputError("file", f"{name} has more than {_MOST_CHARACTERS:,} characters of HTML; split it")
    try:
        parser = HTMLParser()
        tree = document_fromstring(_DECLARATION.sub("", html, count=1), parser)
        if any("depth" in it.message for it in parser.error_log):
            builder.notice("Elements are nested too deeply; what follows the deepest was left out.")
        if remove_hidden(tree):
            builder.hidden()
        if remove_deleted(tree):
            builder.notice("Text that is marked as deleted was left out.")
        if change:
            change(tree)
        write_pictures(tree)
        write_marks(tree)
        write_definitions(tree)
        write_tables(tree)
        read = Inscriptis(tree, _config())
    except ParserError:  # nothing but white space or comments
        return "", []
    except ValueError as error:
        raise InputError("file", f"{name} cannot be read as HTML ({error}); save it again") from None
    text: str = read.get_text()
    headings = sorted((it.start, it.end) for it in read.get_annotations())
    return text, [(start, text[start:end]) for start, end in headings]


@cache
def _config() -> Any:  # noqa: ANN401 - the library's class, imported where it is needed
    from inscriptis.css_profiles import CSS_PROFILES
    from inscriptis.html_properties import Display, WhiteSpace
    from inscriptis.model.config import ParserConfig
    from inscriptis.model.html_element import HtmlElement

    blocks = {tag: HtmlElement(display=Display.block) for tag in _BLOCKS}
    apart = HtmlElement(display=Display.block, whitespace=WhiteSpace.pre, margin_before=1, margin_after=1)
    css = {**CSS_PROFILES["strict"], **blocks, "pre": apart}
    return ParserConfig(css=css, annotation_rules={tag: ["heading"] for tag in _HEADINGS})
