"""Find sentences of the evidence that say nearly the same, but not the same: another value, or the opposite."""

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

from memorag_graph.generation.answer import Citation, Conflict
from memorag_graph.generation.compared_sentences import ComparedSentences, own_label, words_of
from memorag_graph.generation.same_subject import Standing, is_apart
from memorag_graph.retrieval.stop_words import function_words
from memorag_graph.text.repeats import wording


def conflicts(
    stated: Iterable[Citation],
    found: Sequence[Citation],
    question: str,
    standing: Mapping[Citation, Standing] = MappingProxyType({}),
    language_code: str = "en",
) -> list[Conflict]:
    """Return the contradictions between sentences of an answer and others of the evidence.

    Two sentences contradict each other if they are about the same thing (:func:`is_apart`) and agree in all but a few
    places, which differ by a number, a unit, a date, a negation, an opposite or the name of who fills a role; in two
    versions of a text, by any words. They do not if they differ where they name their subject, or by a word of the
    question, which then tells which one is meant, or say what was in different years.

    Args:
        stated: The sentences that the answer quotes.
        found: All sentences of the evidence, in order.
        question: The question.
        standing: Where each sentence stands.
        language_code: Language of the document.
    """
    stop = function_words(language_code)
    asked = {word.casefold() for word in words_of(question)} - stop
    known = {sentence: {word.casefold() for word in words_of(sentence.quote)} for sentence in found}
    said = {(sentence.source, wording(sentence.quote)) for sentence in found}
    labels = Counter((sentence.source, own_label(sentence.quote)) for sentence in found)
    repeated = {it for it in found if own_label(it.quote) and labels[it.source, own_label(it.quote)] > 1}
    seen: dict[frozenset[Citation], Conflict] = {}
    for sentence in stated:
        own = {word.casefold() for word in words_of(sentence.quote)}
        candidates = []
        for other in found:
            if 4 * len(own & known[other]) < len(own) or not repeated.isdisjoint((sentence, other)):
                continue
            compared = ComparedSentences(sentence, other, stop, language_code)
            if not compared.places or compared.is_told(asked) or not compared.contradicts(question):
                continue
            if not (is_apart(sentence, other, standing, question) or _is_said_by_both(sentence, other, said)):
                candidates.append(compared)
        for compared in _closest(candidates):
            seen.setdefault(frozenset((sentence, compared.second)), Conflict(sentence, compared.second))
    return list(seen.values())


def _closest(candidates: Sequence[ComparedSentences]) -> Iterator[ComparedSentences]:
    """Yield, of each document, the sentences that differ in the fewest places; others are about something else."""
    fewest: dict[str, int] = {}
    for it in candidates:
        fewest[it.second.source] = min(len(it.places), fewest.get(it.second.source, len(it.places)))
    yield from (it for it in candidates if len(it.places) == fewest[it.second.source])


def _is_said_by_both(first: Citation, second: Citation, said: Container[tuple[str, str]]) -> bool:
    """Return whether one of two sentences of different documents stands in the document of the other, too."""
    if first.source == second.source:
        return False
    return (first.source, wording(second.quote)) in said or (second.source, wording(first.quote)) in said
