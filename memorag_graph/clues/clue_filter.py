"""Which clues are worth searching for, and why the others are not."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from memorag_graph.retrieval.query import Query
from memorag_graph.text.words import content_words, count_words, is_borne_out, share_of

DropReason = Literal[
    "scrap", "heading", "question", "instruction", "repeat", "refusal", "unsupported", "unrelated", "astray"
]
"""Why a clue was dropped.

``scrap``: too short to search for; ``heading``: announces a list; ``question``: only says the question again;
``instruction``: echoes the prompt; ``repeat``: says what an earlier clue said; ``refusal``: says that the model cannot
help; ``unsupported``: no passage of the memory bears it out; ``unrelated``: most of its words are not in the document;
``astray``: it is farther from the question than the document's own nearest passage.
"""
DROP_REASONS: tuple[DropReason, ...] = get_args(DropReason)

FEWEST_WORDS = 3
_REPEATED = 0.9
_ECHOED = 0.8
_KNOWN = 0.5
_ASTRAY = 0.9
_REFUSAL = re.compile(
    r"""\b(?:i(?:'|’)?m\s+sorry|i\s+apologi[sz]e|as\s+an\s+ai\b|i\s+am\s+an\s+ai\b|i(?:\s+am|(?:'|’)m)\s+unable\s+to|
    i\s+(?:can(?:not|(?:'|’)t|\s+not)|do\s+not|don(?:'|’)t|could\s+not)\s+(?:\w+\s+)?(?:provide|answer|help|find|know|have|see|
    determine|access|recall)|
    (?:document|text|passage|notes?|context)\s+(?:does|do|did)\s*(?:not|n(?:'|’)t)\s+(?:\w+\s+)?
    (?:mention|say|state|contain|provide|specify|include|describe|answer)|
    no\s+(?:relevant\s+)?(?:information|details?|mention)\s+(?:is|was|are|about|on|of|available|given|provided)|
    (?:not|isn(?:'|’)t)\s+(?:explicitly\s+)?(?:mentioned|specified|provided|stated|given)\s+in\s+(?:the|this))|
    抱歉|作为.{0,6}(?:AI|人工智能|助手)|(?:文档|文中|原文|笔记).{0,4}(?:没有|并未|未)(?:提及|提到|说明|给出|包含)|
    (?:无法|不能)(?:回答|提供|确定|找到|得知)|没有(?:相关|足够)(?:的)?信息""",
    re.VERBOSE | re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Dropped:
    """A clue that is not searched for, and why."""

    text: str
    reason: DropReason


Nearness = Callable[[str, Sequence[str]], tuple[float, Sequence[float]]]
"""Returns how near the nearest passage is to a text, and how near other texts are, as cosine similarities."""

FilteredClues = tuple[list[str], list[Dropped]]
"""Clues that are kept, and those that are dropped."""


def filter_clues(clues: Iterable[str], question: str, instruction: str = "") -> FilteredClues:
    """Drop scraps, headings, refusals, repeats and echoes of what was asked.

    Args:
        clues: The clues, best first.
        question: The question that they are for.
        instruction: The prompt around the question.
    """
    kept: list[str] = []
    dropped: list[Dropped] = []
    said: list[list[str]] = []
    asked, prompted = content_words(question), content_words(instruction)
    for clue in clues:
        reason = _fault(clue, asked, prompted, said)
        if reason:
            dropped.append(Dropped(clue, reason))
        else:
            said.append(content_words(clue))
            kept.append(clue)
    return kept, dropped


def supported(clues: Iterable[str], passages: Sequence[set[str]], share: float) -> FilteredClues:
    """Drop what no passage of the memory bears out; see :func:`memorag_graph.text.words.is_borne_out`."""
    kept: list[str] = []
    dropped: list[Dropped] = []
    for clue in clues:
        if is_borne_out(clue, passages, share, FEWEST_WORDS):
            kept.append(clue)
        else:
            dropped.append(Dropped(clue, "unsupported"))
    return kept, dropped


def searchable(
    queries: Sequence[Query], share_known: Callable[[str], float], nearness: Nearness
) -> tuple[list[Query], list[Dropped]]:
    """Drop clues that have little in common with the document or the question; the question always stays.

    Args:
        queries: The question and clues.
        share_known: Returns the share of a text's terms that occur in the document.
        nearness: Compares texts with the question.
    """
    kept, unrelated = related(queries, share_known)
    kept, strayed = on_topic(kept, nearness)
    return kept, [*unrelated, *strayed]


def on_topic(queries: Sequence[Query], nearness: Nearness) -> tuple[list[Query], list[Dropped]]:
    """Drop clues that are farther from the question than the document's nearest passage is.

    Searching with such a clue finds what is like the clue, not what was asked for. The measure is the document's own,
    because similarities of one embedding model say nothing about another's.

    Args:
        queries: The question and clues; without a question all of them stay.
        nearness: Compares texts with the question.
    """
    question = next((query.text for query in queries if query.kind == "question"), "")
    clues = [query for query in queries if query.kind != "question"]
    if not question or not clues:
        return list(queries), []
    nearest, near = nearness(question, [query.text for query in clues])
    astray = {query for query, it in zip(clues, near, strict=True) if it < _ASTRAY * nearest}
    kept = [query for query in queries if query not in astray]
    return kept, [Dropped(query.text, "astray") for query in clues if query in astray]


def related(queries: Iterable[Query], share_known: Callable[[str], float]) -> tuple[list[Query], list[Dropped]]:
    """Drop clues that have little in common with the document, and drafts that refuse; the question always stays.

    Args:
        queries: The question and clues.
        share_known: Returns the share of a text's terms that occur in the document.
    """
    kept: list[Query] = []
    dropped: list[Dropped] = []
    for query in queries:
        if query.kind == "question":
            kept.append(query)
        elif is_refusal(query.text):
            dropped.append(Dropped(query.text, "refusal"))
        elif share_known(query.text) < _KNOWN:
            dropped.append(Dropped(query.text, "unrelated"))
        else:
            kept.append(query)
    return kept, dropped


def is_refusal(text: str) -> bool:
    """Tell whether a text says that there is no answer instead of giving one."""
    return bool(_REFUSAL.search(text))


def _fault(
    clue: str, asked: Sequence[str], prompted: Sequence[str], said: Sequence[Sequence[str]]
) -> DropReason | None:
    words = content_words(clue)
    if clue.endswith((":", "：")):
        return "heading"
    if count_words(clue) < FEWEST_WORDS or not words:
        return "scrap"
    if is_refusal(clue):
        return "refusal"
    if share_of(words, asked) >= _REPEATED:
        return "question"
    if share_of(words, prompted) >= _ECHOED:
        return "instruction"
    if any(share_of(words, other) >= _REPEATED for other in said):
        return "repeat"
    return None
