"""Choose the task for a question from its words, and whether the memory is asked at once or only if need be.

The rules, in this order:

1. A request for a summary, an overview or the main points of the whole document is ``summarize``.
2. A question about reasons, comparisons, changes or collections is ``memorag``: its own words do not occur where the
   answer is.
3. A question of at most :data:`LONGEST_LOOKUP` words about one fact (who, when, where, which, how many, did …) is
   ``lookup``: its own words occur where the answer is.
4. Everything else is ``memorag``.

The rules cover English and Chinese; questions in other languages are ``memorag``.

Clues take seconds, retrieval takes a fraction of one. So a ``lookup``, and a ``memorag`` whose model's clues find
little, begin as a lookup, and the memory is asked only if the evidence does not answer.
"""

import re
from dataclasses import dataclass

from memorag_graph.retrieval.stop_words import function_words
from memorag_graph.settings import TaskType
from memorag_graph.text.words import content_words, count_words

AS_ASKED = "as asked"
"""Reason of a task that the caller chose."""

LONGEST_LOOKUP = 24
"""Maximum words of a lookup."""


def _any_of(words: str, *patterns: str) -> re.Pattern[str]:
    """Match one of the words as a whole, or one of the patterns."""
    return re.compile("|".join([rf"\b(?:{'|'.join(words.split())})\b", *patterns]), re.IGNORECASE)


_SUMMARY = _any_of(
    "summary summaries summari[sz](?:e|es|ed|ing) overview outline synopsis recap gist",
    r"\b(?:key|main|central|most important) (?:\w+ )?(?:points?|takeaways?|findings|ideas?|themes?|topics?|events?)\b",
    r"\bwhat (?:is|was|are) (?:this|the|these) \w+ (?:all )?about\b",
    "概括|总结|摘要|概述|概要|大意|主要内容|主要观点|讲了什么",
)
_SEVERAL_PLACES = _any_of(
    "why explain describe discuss compare[ds]? comparison differences? similarit(?:y|ies) relationships? impacts? "
    "effects? influenced? affect(?:s|ed)? evolved? developments? all each every most least highest lowest peak overall "
    "throughout list reasons? causes? consequences? opinions? attitudes? views? trends?",
    r"\bhow (?:did|does|do|has|have|is|was|were|are|can|could|would)\b",
    r"\bover (?:time|the years)\b",
    "为什么|为何|如何|怎样|怎么|比较|区别|不同|关系|影响|所有|每个|最|变化|原因|看法",
)
_ONE_FACT = re.compile(
    r"^\W*(?:(?:in|on|at|by|to|from|for|of|with) )?(?:who|whom|whose|when|where|which|"
    r"how (?:many|much|old|long|tall|far|large|big|high|often)|"
    r"what (?:year|date|day|month|time|name|number|percentage|amount|age|title|city|country|price|cost)|"
    r"what (?:is|was|were|are) (?:the )?(?:\w+ ){0,3}"
    r"(?:name|date|number|year|amount|price|cost|title|rate|value|total|age)|"
    r"is|was|were|are|did|does|do|has|had)\b"
    r"|谁|何时|何地|什么时候|哪年|哪一年|哪天|哪里|哪个|哪位|多少|多大|多长|几个|几年|几次|是否|吗[?？]?$",
    re.IGNORECASE,
)
_OF_THE_WHOLE = _any_of(
    "about above agreement article attached book chapter complete concise contract conversation could detailed doc "
    "discussed discussion documents? entire every file five following from full get give given have into letters? list "
    "let main make may meetings? minutes most novel one papers? paragraphs? pdf please pls points provide reports? see "
    "sentences? short speech story text that there these they this three tl;?dr transcript two up us were what which "
    "whole will with words would write your",
    "[一下请把这篇那份本次个文章档全书合同报告会议主要内容的了吧吗]+",
)
"""Words of a request for a summary that do not restrict it to a part of the document."""


@dataclass(frozen=True, slots=True)
class Route:
    """The task for a question, the reason for the choice, and whether the memory is asked only if a lookup fails."""

    task: TaskType
    reason: str
    looks_up_first: bool = False


def choose_task(asked: TaskType, question: str, *, trusts_clues: bool) -> Route:
    """Return the task that was asked for, or choose one for ``"auto"``.

    Args:
        asked: The task of the input.
        question: The question.
        trusts_clues: Whether the memory's clues are worth the wait for every question that may need several places.
    """
    if asked != "auto":
        return Route(asked, AS_ASKED)
    chosen = route(question)
    if chosen.task == "summarize" or (chosen.task == "memorag" and trusts_clues):
        return chosen
    return Route("lookup", f"{chosen.reason}; the memory is asked if the evidence does not answer", looks_up_first=True)


def route(question: str) -> Route:
    """Choose the task of a question by the rules above."""
    if found := _SUMMARY.search(question):
        about = content_words(_OF_THE_WHOLE.sub(" ", _SUMMARY.sub(" ", question)), function_words("en"))
        if not about:
            return Route("summarize", f"asks for the whole document: {found[0]!r}")
        return Route("memorag", f"asks for {found[0]!r} of a part: {about[0]!r}")
    if found := _SEVERAL_PLACES.search(question):
        return Route("memorag", f"may need several places: {found[0]!r}")
    if (found := _ONE_FACT.search(question)) and count_words(question) <= LONGEST_LOOKUP:
        return Route("lookup", f"asks for one fact: {found[0].strip()!r}")
    return Route("memorag", "asks neither for one fact nor for a summary")
