"""Choose between the two forms of an e-mail's body: plain text, and a page that may say more."""

from memorag_graph.documents.document_builder import Builder
from memorag_graph.documents.html import html_text
from memorag_graph.errors import InputError, MissingExtraError
from memorag_graph.text.words import content_words, share_of

_SAME = 0.5
"""A form says what another does if it has this share of its words."""


def forms_to_read(plain: str, html: str, builder: Builder) -> tuple[bool, bool]:
    """Return whether the plain text of a body is to be read, and whether its page is.

    The plain text is, where it says what the page does; many programs write only "See the HTML" there. What the page
    lacks is never left out.

    Args:
        plain: The plain text; may be blank.
        html: The page; may be blank.
        builder: Builder of the message, which is told why a page cannot be compared.
    """
    if not html.strip() or not plain.strip():
        return not html.strip(), bool(html.strip())
    try:
        page, _ = html_text(Builder(builder.name), html, builder.name)
    except (InputError, MissingExtraError) as error:
        builder.notice(f"Only the plain text of a message was read, not its page ({error}).")
        return True, False
    said, shown = (set(content_words(text, ())) for text in (plain, page))
    if not shown or share_of(shown, said) >= _SAME:
        return True, False
    return share_of(said, shown) < _SAME and len(said) > len(shown), True
