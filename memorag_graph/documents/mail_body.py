"""Add the body of an e-mail, in plain text or HTML; the earlier messages that it quotes are sections of their own."""

import re
from collections.abc import Iterator
from typing import Any

from memorag_graph.documents.document_builder import Builder
from memorag_graph.documents.html import html_text
from memorag_graph.documents.quoted_mail import mail_parts, parted_from_its_introduction
from memorag_graph.text.mail_labels import QUOTED

_BEGIN, _END = "\ufdd0", "\ufdd1"
"""Characters that no text has, in the place of the borders of quoted parts."""

_NO_MARKS = str.maketrans({_BEGIN: None, _END: None})
_QUOTES = re.compile(r"(?:^|\s)(?:gmail_quote|yahoo_quoted|protonmail_quote|zmail_extra|tutanota_quote)")
_UNNAMED = "an earlier message"


def add_mail_text(builder: Builder, text: str, subject: str) -> None:
    """Add a body of plain text.

    Args:
        builder: The builder to add to.
        text: The body.
        subject: The subject, under which stands what the sender writes behind a quoted message.
    """
    _add(builder, mail_parts(text), subject)


def add_mail_html(builder: Builder, html: str, name: str, subject: str) -> None:
    """Add a body of HTML, in which programs mark what they quote (``blockquote``, the class ``gmail_quote``).

    Args:
        builder: The builder to add to.
        html: The body.
        name: Name of the file, for messages.
        subject: The subject, under which stands what the sender writes behind a quoted message.
    """
    text, headings = html_text(builder, html.translate(_NO_MARKS), name, _mark_quotes)
    if _BEGIN not in text and len(list(mail_parts(text))) == 1:
        builder.text(text, headings)
    else:
        _add(builder, _html_parts(text), subject)


def _add(builder: Builder, parts: Iterator[tuple[str, str]], subject: str) -> None:
    is_quoted = False
    for author, written in parts:
        if written.strip() and (author or is_quoted):
            builder.heading(f"{QUOTED}{author}" if author else subject or "Message")
            is_quoted = bool(author)
        builder.text(written)


def _mark_quotes(tree: Any) -> None:  # noqa: ANN401 - the library's class
    """Write marks around the outermost quoted parts of a page."""
    from lxml.etree import Element

    for element in list(tree.iter("blockquote", "div")):
        is_quote = element.tag == "blockquote" or _QUOTES.search(element.get("class") or "")
        if is_quote and not any(_is_marked(above) for above in element.iterancestors()):
            before, after = Element("p"), Element("p")
            before.text, after.text = _BEGIN, _END
            before.tail, element.text = element.text, None
            element.insert(0, before)
            element.append(after)


def _is_marked(element: Any) -> bool:  # noqa: ANN401 - the library's class
    return len(element) > 0 and element[0].text == _BEGIN


def _html_parts(text: str) -> Iterator[tuple[str, str]]:
    """Yield the parts as :func:`mail_parts` does; the line before a quoted part may say who wrote it."""
    introduced = ""
    for quoted in re.split(f"({_BEGIN}[^{_END}]*{_END}?)", text):
        if quoted.startswith(_BEGIN):
            inner = list(mail_parts(quoted.strip(_BEGIN + _END)))
            author = introduced or next((it for it, _ in inner if it), _UNNAMED)
            yield author, "\n".join(written for _, written in inner if written.strip())
            introduced = ""
        else:
            own, introduced = parted_from_its_introduction(quoted)
            yield from mail_parts(own)
