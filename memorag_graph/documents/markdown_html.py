"""Read the HTML within Markdown: comments and hidden elements are no text, superscripts change no number."""

import re

from memorag_graph.documents.marks import BEFORE, subscript, superscript

_LONGEST = 10_000
_PIECE = re.compile(
    r"(?P<code>^ {0,3}(?P<fence>`{3,}|~{3,})[^\n]*\n(?s:.*?)(?:^ {0,3}(?P=fence)[`~]*[ \t]*$|\Z)"
    r"|(?<!`)(?P<ticks>`{1,2})(?!`)[^\n`]{1,400}(?P=ticks)(?!`))"
    r"|(?P<comment><!--(?s:.*?)(?:-->|\Z)\n?)"
    rf"|<(?P<mark>sup|sub)>(?P<raised>[^<>\n]{{1,60}})</(?P=mark)>"
    rf"|<(?P<tag>span|div|p|b|i|em|strong|small|font)\b[^<>\n]{{0,200}}(?:\shidden(?=[\s>=])|style=[\"'][^\"'<>\n]{{0,100}}"
    rf"(?:display:\s?none|visibility:\s?hidden|font-size:\s?0|opacity:\s?0[;\"']))[^<>\n]{{0,100}}>(?P<hidden>[^<]{{0,{_LONGEST}}})</(?P=tag)>",
    re.IGNORECASE | re.MULTILINE,
)


def without_html(text: str) -> tuple[str, tuple[str, ...]]:
    """Return Markdown without comments and hidden elements, with superscripts as in HTML; code is left alone.

    Returns:
        The text, and a notice if hidden text was left out.
    """
    if "<" not in text:
        return text, ()
    pieces: list[str] = []
    place, found_hidden = 0, False
    for found in _PIECE.finditer(text):
        kept = text[place : found.start()]
        pieces.append(kept)
        place = found.end()
        if found["code"]:
            pieces.append(found[0])
        elif found["mark"]:
            pieces.append(_marked(found["mark"].lower() == "sup", found["raised"], text, found.start()))
        else:
            found_hidden = found_hidden or bool((found["hidden"] or "").strip())
    pieces.append(text[place:])
    return "".join(pieces), ("Hidden text was left out.",) if found_hidden else ()


def _marked(is_raised: bool, raised: str, text: str, start: int) -> str:
    before = text[max(0, start - BEFORE) : start].rpartition("\n")[2]
    return superscript(raised.strip(), before) if is_raised else subscript(raised.strip(), before)
