"""Answer with what each year tells, where a question follows something through years."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from memorag_graph.generation.answer import Citation, GenerationInput
from memorag_graph.generation.confidence import THRESHOLD
from memorag_graph.generation.dated_passages import is_told_by_year
from memorag_graph.generation.quotable_sentences import Unit
from memorag_graph.generation.summary.extract import covering
from memorag_graph.text.account_requests import asks_for_account
from memorag_graph.text.asked_periods import followed_words

_WORDS = 180
"""Maximum words of such an answer."""


@dataclass(frozen=True, slots=True)
class YearSeries:
    """What each year tells.

    Attributes:
        citations: The quotations, in the order of time.
        confidence: How likely the documents answer, 0 to 1.
    """

    citations: Sequence[Citation]
    confidence: float


def searched_for(given: GenerationInput, units: Sequence[Unit]) -> Sequence[Unit]:
    """Return the units of passages that were searched for; all if there are no others."""
    return [unit for unit in units if not is_told_by_year(unit.citation, given)] or units


def year_series(
    given: GenerationInput, units: Sequence[Unit], confidence: Callable[[GenerationInput, Sequence[Unit]], float]
) -> YearSeries | None:
    """Return what each year tells; None if the evidence holds no such sentences, or they are not sure enough.

    Whether the documents are about what is asked for, the passages tell that were searched for, in which a sentence
    stands with others; none has to tell of the first and last year, nor to say that something "developed". Unless an
    account is asked for, the series has to fit by itself, too.

    Args:
        given: The question and its evidence.
        units: The sentences of the evidence.
        confidence: How likely some of these answer a question.
    """
    told = [unit for unit in units if is_told_by_year(unit.citation, given)]
    if not told:
        return None
    question = given["question"]
    asked = [given, GenerationInput(**{**given, "question": followed_words(question)})]
    judged = [searched_for(given, units), *([] if asks_for_account(question) else [told])]
    certain = [
        max(confidence(either, some) for either in asked) for some in judged if any(unit.is_quotable for unit in some)
    ]
    if min(certain, default=0.0) < THRESHOLD:
        return None
    found = [unit.citation for unit in told]
    best = sorted(covering(given["evidence"], found, _WORDS))
    return YearSeries([found[at] for at in best], certain[0])
