"""Find the page that a question asks for, by its number or its label: "What does page iv say?"."""

import re

from memorag_graph.documents.page_map import PageMap

_PAGE = re.compile(
    r"\b(?:pages?|pg\.|p\.|seite|s\.|página|pág\.|pagina|pag\.|страниц[аеы]|стр\.|strona|sida|side|sivu)\s{1,3}"
    r"(?P<label>[ivxlc]{1,8}|[A-Za-z]{1,3}-?\d{1,4}|\d{1,5})(?![\w-])",
    re.IGNORECASE,
)
_ASKING_WORDS = (
    "what which who does do did is are was were on at in of the this it say says said stand stands written show shows "
    "contain contains about text find there can i tell me read quote document report book file content contents welche "
    "steht stehen auf der die das dem sagt enthält zeigt inhalt von que qu dit y a t il sur à la le contient est ce "
    "qué dice hay en contiene cosa che c è nella alla sulla что на написано"
)
_ASKING = frozenset(_ASKING_WORDS.split())
"""Words of questions that ask for nothing but what stands there."""

_WORD = re.compile(r"[^\W\d_]+")


def asked_page(question: str) -> str:
    """Return the number or label of the page whose text a question asks for, in lower case; empty for others."""
    found = list(_PAGE.finditer(question))
    if len(found) != 1:
        return ""
    rest = question[: found[0].start()] + " " + question[found[0].end() :]
    is_only = all(word.lower() in _ASKING for word in _WORD.findall(rest))
    return found[0]["label"].lower() if is_only else ""


def page_span(page_map: PageMap, wanted: str) -> tuple[int, int | None] | None:
    """Return the start and end of a page in its document's text; None if the document has no such page.

    Args:
        page_map: The document's pages.
        wanted: The page's label or number, as :func:`asked_page` returns it. Labels count where there are any.

    Returns:
        The offsets; the end is None for the last page.
    """
    starts = [start for start, _ in page_map.pages]
    labelled = dict(page_map.labels)
    names = [labelled.get(start) or str(number) for start, number in page_map.pages]
    for at, name in enumerate(names):
        if name.lower() == wanted:
            return starts[at], starts[at + 1] if at + 1 < len(starts) else None
    return None
