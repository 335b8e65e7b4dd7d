"""Whether a text says nothing that another does not.

Texts that share most of their words may still contradict each other by a "not", a name or a number. So a text repeats
another only if its sentences stand there with the same words, figures and signs in the same order, whatever the spaces
and the punctuation within.
"""

import re
import unicodedata
from collections.abc import Iterable

from memorag_graph.text.words import MARKS

_TOKEN = re.compile(
    r"(?P<end>[.!?\u2026]+(?=[\"'\u2019\u201d)\]]*(?:\s|$))|[\u3002\uff01\uff1f]+|\n[^\S\n]*\n)"
    rf"|(?<![\w{MARKS}])[-\u2212]?[.,]?\d[\w{MARKS}]*(?:[.,:/\u2013-]\d[\w{MARKS}]*)*"  # figures, their sign and unit
    r"|(?<=\d)['\"]|(?<=\w)#|(?<=\w)[*|](?=\w)"  # feet and inches, C#, 2*3
    rf"|[\w{MARKS}]+"
    r"|[^\w\s.,;:!?\u2026\"'()\[\]\u2018-\u201f\u00ab\u00bb\u3001*#_|-]"  # signs that matter: €, %, <, +, §, ...
)
_ASKS = re.compile("[?\uff1f]")
_END = "|"
"""Between sentences; what a text says is not said by the beginning of a longer sentence."""


def wording(text: str) -> str:
    """Return the words, figures and signs of a text in order, each between spaces, with bars between sentences."""
    tokens = [_END]
    for found in _TOKEN.finditer(unicodedata.normalize("NFC", text)):
        if not (end := found["end"]):
            tokens.append(found[0].replace(_END, "\u00a6"))
        elif tokens[-1] != _END:
            tokens += ["?", _END] if _ASKS.search(end) else [_END]
    if tokens[-1] != _END:
        tokens.append(_END)
    return f" {' '.join(tokens)} "


def is_repeat(text: str, others: Iterable[str]) -> bool:
    """Return whether a text stands within one of others.

    Args:
        text: The :func:`wording` of the text.
        others: The wordings of the others.
    """
    return any(text in other for other in others)
