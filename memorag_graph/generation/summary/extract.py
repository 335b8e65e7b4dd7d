"""Write a summary from sentences of the evidence."""

from collections.abc import Collection, Sequence

import numpy as np

from memorag_graph.generation.answer import Citation, GenerationInput
from memorag_graph.generation.asked_terms import asked_terms, held_terms
from memorag_graph.generation.quotable_sentences import Unit
from memorag_graph.generation.summary.cover import summary_words
from memorag_graph.generation.summary.salience import salience
from memorag_graph.generation.summary.selection import Selection
from memorag_graph.retrieval.retrieve import Evidence
from memorag_graph.text.words import count_words, share_of

_RELEVANCE = 3.0
"""Weight of the share of the request's words that a sentence holds, such as "prices" in "Summarize the prices"."""


def extract(given: GenerationInput, units: Sequence[Unit]) -> tuple[list[Citation], float]:
    """Return the sentences of a summary in document order, and the share of the parts of the evidence that they cover.

    Where the evidence covers whole documents (:mod:`memorag_graph.generation.summary.cover`), its passages are
    sentences, and the best are quoted; else those sentences of the evidence that are important in it and hold words of
    the request.

    Args:
        given: The request, its evidence and the maximum length.
        units: The sentences and records of the evidence, at least one of which can be quoted.
    """
    found = [unit.citation for unit in units if unit.is_quotable]
    words = summary_words(given.get("max_tokens"))
    chosen = covering(given["evidence"], found, words) or _important(given, found, words)
    covered = share_of_parts(given["evidence"], {found[at].number for at in chosen})
    return [found[at] for at in sorted(chosen)], covered


def covering(evidence: Sequence[Evidence], found: Sequence[Citation], words: int) -> list[int]:
    """Return the positions of the best quotations of what covers documents, best first; none if nothing does.

    Args:
        evidence: The passages.
        found: Quotations of them.
        words: Maximum words of those that are returned, unless the first is longer.
    """
    places = [at for at, it in enumerate(found) if evidence[it.number - 1].part]
    ranked = sorted(places, key=lambda at: -evidence[found[at].number - 1].score)
    return _first(ranked, [max(count_words(it.quote), 1) for it in found], words)


def share_of_parts(evidence: Sequence[Evidence], numbers: Collection[int]) -> float:
    """Return the share of the parts of the evidence that some of its passages stand for; 0 without evidence.

    Args:
        evidence: The passages; each is a part of its own where none are known. Those whose part is not known do not
            count, unless only they are quoted.
        numbers: Numbers of the passages that are quoted, from 1 on.
    """
    known = {number: passage.part for number, passage in enumerate(evidence, start=1) if passage.part}
    parts = known if known.keys() & set(numbers) else {number: number for number in range(1, len(evidence) + 1)}
    return len({parts[number] for number in numbers if number in parts}) / len(set(parts.values())) if parts else 0.0


def _first(ranked: Sequence[int], lengths: Sequence[int], words: int) -> list[int]:
    """Return the first positions that fit, at least one."""
    chosen: list[int] = []
    for at in ranked:
        if lengths[at] <= words or not chosen:
            chosen.append(at)
            words -= lengths[at]
    return chosen


def _important(given: GenerationInput, found: Sequence[Citation], words: int) -> list[int]:
    lengths = [max(count_words(it.quote), 1) for it in found]
    code = given["prompts"].language.code
    wanted = asked_terms(given["question"], code)
    relevance = np.array([_RELEVANCE * share_of(wanted, held_terms(it.quote, code)) for it in found])
    selection = Selection(salience([it.quote for it in found], code), lengths, relevance)
    return selection.select([0] * len(found), words)
