"""Drop clues that are not worth searching for, each with its reason."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from memorag_graph.retrieval.query import Query
from memorag_graph.retrieval.stop_words import function_words
from memorag_graph.text.words import content_words, count_words, is_supported, share_of

DropReason = Literal[
    "scrap", "heading", "question", "instruction", "repeat", "refusal", "unsupported", "unrelated", "astray"
]
"""Why a clue was dropped.

``scrap``: too short to search for; ``heading``: announces a list; ``question``: repeats the question;
``instruction``: echoes the prompt; ``repeat``: repeats an earlier clue; ``refusal``: the model cannot help;
``unsupported``: no passage of the memory supports it; ``unrelated``: most of its words are not in the document;
``astray``: it is farther from the question than the document's nearest passage.
"""
DROP_REASONS: tuple[DropReason, ...] = get_args(DropReason)

FEWEST_WORDS = 3
_REPEATED = 0.9
"""Share of a clue's words in the question or an earlier clue from which it repeats them."""

_ECHOED = 0.8
"""Share of a clue's words in the prompt from which it echoes it."""

_KNOWN = 0.5
"""Minimum share of a clue's terms that occur in the document."""

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
"""Returns the cosine similarity of a text with its nearest passage, and with each of the other texts."""

FilteredClues = tuple[list[str], list[Dropped]]
"""The kept clues, and the dropped ones."""


def clue_words(text: str, language_code: str) -> list[str]:
    """Return the words by which clues are compared: all except function words and single letters."""
    return content_words(text, function_words(language_code))


def filter_clues(clues: Iterable[str], question: str, instruction: str, language_code: str) -> FilteredClues:
    """Drop scraps, headings, refusals, repeats and echoes of the prompt.

    Args:
        clues: The clues, best first.
        question: The question that they are for.
        instruction: The prompt around the question.
        language_code: ISO 639-1 code of the document's language.
    """
    kept: dict[str, list[str]] = {}
    dropped: list[Dropped] = []
    in_question, in_prompt = clue_words(question, language_code), clue_words(instruction, language_code)
    for clue in clues:
        words = clue_words(clue, language_code)
        reason = _fault(clue, words, in_question, in_prompt, kept.values())
        if reason:
            dropped.append(Dropped(clue, reason))
        else:
            kept[clue] = words
    return list(kept), dropped


def supported(clues: Iterable[str], passages: Sequence[set[str]], share: float, language_code: str) -> FilteredClues:
    """Drop clues that no passage of the memory supports; see :func:`memorag_graph.text.words.is_supported`.

    Args:
        clues: The clues, best first.
        passages: The words of each passage (:func:`memorag_graph.text.words.passages`), without function words.
        share: Least share of a clue's words that one passage holds.
        language_code: ISO 639-1 code of the document's language.
    """
    kept: list[str] = []
    dropped: list[Dropped] = []
    for clue in clues:
        if is_supported(clue, passages, share, FEWEST_WORDS, function_words(language_code)):
            kept.append(clue)
        else:
            dropped.append(Dropped(clue, "unsupported"))
    return kept, dropped


def searchable(
    queries: Sequence[Query], share_known: Callable[[str], float], nearness: Nearness, astray: float
) -> tuple[list[Query], list[Dropped]]:
    """Drop clues that have little in common with the document or the question; the question is always kept.

    Args:
        queries: The question and clues.
        share_known: Returns the share of a text's terms that occur in the document.
        nearness: Compares texts with the question.
        astray: Minimum similarity of a clue with the question, as a share of the nearest passage's.
    """
    kept, unrelated = related(queries, share_known)
    kept, strayed = on_topic(kept, nearness, astray)
    return kept, [*unrelated, *strayed]


def on_topic(queries: Sequence[Query], nearness: Nearness, astray: float) -> tuple[list[Query], list[Dropped]]:
    """Drop clues that are farther from the question than the document's nearest passage is.

    Such a clue finds passages about itself instead of the question. The threshold is relative, because embedding models
    differ in their ranges of similarity.

    Args:
        queries: The question and clues; without a question all of them are kept.
        nearness: Compares texts with the question.
        astray: Minimum similarity of a clue with the question, as a share of the nearest passage's.
    """
    question = next((query.text for query in queries if query.kind == "question"), "")
    clues = [query for query in queries if query.kind != "question"]
    if not question or not clues:
        return list(queries), []
    nearest, near = nearness(question, [query.text for query in clues])
    strayed = {query for query, similarity in zip(clues, near, strict=True) if similarity < astray * nearest}
    kept = [query for query in queries if query not in strayed]
    return kept, [Dropped(query.text, "astray") for query in clues if query in strayed]


def related(queries: Iterable[Query], share_known: Callable[[str], float]) -> tuple[list[Query], list[Dropped]]:
    """Drop clues that have little in common with the document, and drafts that refuse; the question is always kept.

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
    """Return whether a text refuses to answer."""
    return bool(_REFUSAL.search(text))


def _fault(
    clue: str,
    words: Sequence[str],
    in_question: Sequence[str],
    in_prompt: Sequence[str],
    earlier: Iterable[Sequence[str]],
) -> DropReason | None:
    if clue.endswith((":", "：")):
        return "heading"
    if count_words(clue) < FEWEST_WORDS or not words:
        return "scrap"
    if is_refusal(clue):
        return "refusal"
    if share_of(words, in_question) >= _REPEATED:
        return "question"
    if share_of(words, in_prompt) >= _ECHOED:
        return "instruction"
    if any(share_of(words, other) >= _REPEATED for other in earlier):
        return "repeat"
    return None
