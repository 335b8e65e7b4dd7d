"""Read the HTML and the pictures within Markdown.

Comments and hidden elements are no text, superscripts change no number, and pictures are what is said of them.
"""

import re

from memorag_graph.documents.marks import BEFORE, subscript, superscript
from memorag_graph.documents.picture_text import in_line, picture_text

_LONGEST = 10_000
_PIECE = re.compile(
    r"(?P<code>^ {0,3}(?P<fence>`{3,}|~{3,})[^\n]*\n(?s:.*?)(?:^ {0,3}(?P=fence)[`~]*[ \t]*$|\Z)"
    r"|(?<!`)(?P<ticks>`{1,2})(?!`)[^\n`]{1,400}(?P=ticks)(?!`))"
    r"|!\[(?P<alt>[^\[\]\n]{0,500})\](?:\([^()\n]{0,1000}(?:\([^()\n]{0,200}\)[^()\n]{0,200})?\)|\[[^\]\n]{0,200}\])"
    r"|<img\b[^<>]{0,1000}?\salt=(?P<quote>[\"'])(?P<described>[^<>\"]{0,500}?)(?P=quote)[^<>]{0,1000}>"
    r"|(?P<comment><!--(?s:.*?)(?:-->|\Z)\n?)"
    rf"|<(?P<mark>sup|sub)>(?P<raised>[^<>\n]{{1,60}})</(?P=mark)>"
    rf"|<(?P<tag>span|div|p|b|i|em|strong|small|font)\b[^<>\n]{{0,200}}(?:\shidden(?=[\s>=])|style=[\"'][^\"'<>\n]{{0,100}}"
    rf"(?:display:\s?none|visibility:\s?hidden|font-size:\s?0|opacity:\s?0[;\"']))[^<>\n]{{0,100}}>(?P<hidden>[^<]{{0,{_LONGEST}}})</(?P=tag)>",
    re.IGNORECASE | re.MULTILINE,
)


def without_html(text: str) -> tuple[str, tuple[str, ...]]:
    """Return Markdown without comments and hidden elements, superscripts and pictures as in HTML; code is left alone.

    Returns:
        The text, and a notice if hidden text was left out.
    """
    if "<" not in text and "![" not in text:
        return text, ()
    pieces: list[str] = []
    place, found_hidden = 0, False
    for found in _PIECE.finditer(text):
        kept = text[place : found.start()]
        pieces.append(kept)
        place = found.end()
        if found["code"]:
            pieces.append(found[0])
        elif (said := found["alt"] or found["described"] or "") or found[0].startswith(("![", "<img")):
            pieces.append(_pictured(said, found))
        elif found["mark"]:
            pieces.append(_marked(found["mark"].lower() == "sup", found["raised"], text, found.start()))
        else:
            found_hidden = found_hidden or bool((found["hidden"] or "").strip())
    pieces.append(text[place:])
    return "".join(pieces), ("Hidden text was left out.",) if found_hidden else ()


def _pictured(said: str, found: re.Match[str]) -> str:
    """Return what is said of a picture, in brackets within a line; the mark-up of the picture if that tells nothing."""
    line_start, line_end = found.string.rfind("\n", 0, found.start()) + 1, found.string.find("\n", found.end())
    around = found.string[line_start : found.start()] + found.string[found.end() : line_end if line_end >= 0 else None]
    written = in_line(said) if around.strip() else picture_text(said)
    return (written.strip() if around.strip() else written) or found[0]


def _marked(is_raised: bool, raised: str, text: str, start: int) -> str:
    before = text[max(0, start - BEFORE) : start].rpartition("\n")[2]
    return superscript(raised.strip(), before) if is_raised else subscript(raised.strip(), before)
