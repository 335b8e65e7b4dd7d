"""Find the years of a question of which nothing tells, where what matches it best tells of others.

A report may tell the emissions of 2018 and 2019, and something else of 2020. Asked for the emissions of 2020, it has no
answer, though it knows the year.
"""

import re
from collections.abc import Sequence

from memorag_graph.generation.names_in_text import file_title
from memorag_graph.generation.scored_evidence import ScoredEvidence
from memorag_graph.text.numbers import YEAR

_COMPARED = re.compile(
    rf"\b(?:than|with|against|from|to|over|since|until|till|before|after|versus|als|gegenüber|seit|bis|vor|nach|von"
    rf"|que|depuis|avant|après|desde|hasta|antes|después|contre|frente a)\s(?:\S+\s){{0,2}}?{YEAR.pattern}"
    rf"|[(\[]\s*(?:\w+\s)?{YEAR.pattern}",
    re.IGNORECASE,
)
"""Another year that a figure is compared with, as in "£5m (2020: £4m)", or that something began or ended in."""

_FIGURE = re.compile(r"(?<![\d.,])\d[\d.,]*")

_SHARE = 0.5
"""Least share of the best unit's words of the question that a unit has which may tell of the year.

Of 130 answerable questions with a year, none is refused; with 0.8, four are. Of 29 near misses, five are known.
"""


def absent_years(question: str, evidence: ScoredEvidence, best: int) -> list[str]:
    """Return the years of a question that no sentence which matches it holds, nor what stands around it.

    None are returned where the best sentence tells of no other year, or of two between which the one asked for lies,
    nor in a conversation, where people seldom say which year they speak of.

    Args:
        question: The question.
        evidence: The scored evidence.
        best: Position of the unit that would answer best.
    """
    wanted = list(dict.fromkeys(YEAR.findall(question)))
    about = evidence.belonging[best]
    if not wanted or about.speaker or about.own_speaker:
        return []
    told = YEAR.findall(_COMPARED.sub(" ", evidence.sentences[best].quote))
    if not told or any(min(told) <= year <= max(told) for year in wanted):
        return []
    if len(set(told)) == 1 and _is_year_before(evidence.sentences[best].quote, told[0], wanted):
        return []
    asked = evidence.scores.asked
    matching = [at for at in range(len(evidence.units)) if asked[at] >= _SHARE * asked[best]]
    held = set(YEAR.findall("\n".join(_around(evidence, matching))))
    return [] if held.intersection(wanted) else wanted


def _is_year_before(quote: str, told: str, wanted: Sequence[str]) -> bool:
    """Return whether a sentence with several figures gives that of the year before beside those of the year asked for.

    A report seldom says its own year: "Revenue was £5m; in 2020 it was £4m."
    """
    figures = [it for it in _FIGURE.findall(quote) if it.strip(".,") != told]
    return len(figures) > 1 and any(int(year) - int(told) == 1 for year in wanted)


def _around(evidence: ScoredEvidence, positions: Sequence[int]) -> list[str]:
    """Return units with their neighbours, headings and the names of their documents."""
    sentences = evidence.sentences
    places = {near for at in positions for near in (at - 1, at, at + 1) if 0 <= near < len(sentences)}
    return [
        f"{sentences[at].quote}\n{evidence.belonging[at].words}\n{file_title(sentences[at].source)}"
        for at in sorted(places)
    ]
