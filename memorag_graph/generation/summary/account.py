"""Choose the sentences of an account: what matters in the evidence, as far as it is about what the question asks."""

from collections.abc import Sequence

import numpy as np

from memorag_graph.generation.asked_terms import asked_terms, held_terms
from memorag_graph.generation.scored_evidence import ScoredEvidence
from memorag_graph.generation.sentence_scores import distinct
from memorag_graph.generation.summary.salience import salience
from memorag_graph.generation.summary.selection import Selection
from memorag_graph.text.back_references import begins_back
from memorag_graph.text.identifiers import name_words
from memorag_graph.text.words import count_words, share_of

ACCOUNT_WORDS = 110
"""Maximum words of an account that answers a question; a summary is as long as asked for."""

_WORDS = 3.0
"""Weight of the share of the question's words that a sentence holds."""

_MEANING = 2.0
"""Weight of a sentence's similarity with the question, in standard deviations."""


def account(evidence: ScoredEvidence, question: str, part: Sequence[int] = ()) -> list[int]:
    """Return the positions of the sentences of a short account, in document order.

    Args:
        evidence: The evidence, some of which can be quoted.
        question: What the account is to be of.
        part: Positions of the sentences of the part that the question asks for; by default it is of all that is about
            the question. Neither counts where a document is called by all words of the question: then it is of that.
    """
    about = _of_called(evidence) or part or _about(evidence)
    places = sorted(distinct(about, evidence.sentences, len(about)))
    while orphans := _orphans(evidence, chosen := _chosen(evidence, question, places)):
        if len(orphans) == len(places):
            break
        places = [at for at in places if at not in orphans]
    return chosen


def _chosen(evidence: ScoredEvidence, question: str, places: Sequence[int]) -> list[int]:
    """Return the positions that fit into an account, in order: what matters most, among these."""
    code = evidence.language_code
    quotes = [evidence.units[at].citation.quote for at in places]
    wanted = asked_terms(question, code)
    meaning = evidence.scores.meaning[places]
    relevance = _WORDS * np.array([share_of(wanted, held_terms(it, code)) for it in quotes])
    relevance += _MEANING * (meaning - meaning.mean()) / max(float(meaning.std()), 1e-6)
    lengths = [max(count_words(it), 1) for it in quotes]
    chosen = Selection(salience(quotes, code), lengths, relevance).select([0] * len(places), ACCOUNT_WORDS)
    return sorted(places[at] for at in chosen)


def _orphans(evidence: ScoredEvidence, chosen: Sequence[int]) -> set[int]:
    """Return the positions of sentences such as "It is very boring." without the one that they refer to."""
    code, known = evidence.language_code, set(chosen)
    return {at for at in chosen if at - 1 not in known and begins_back(evidence.units[at].citation.quote, code)}


def _of_called(evidence: ScoredEvidence) -> list[int]:
    """Return the positions of the sentences of documents whose name or title holds all words of the question."""
    code, units = evidence.language_code, evidence.units
    asked = set(asked_terms(evidence.worded, code))
    called = {(it.citation.source, f"{name_words(it.citation.source)}\n{it.title}") for it in units}
    whole = {source for source, words in called if asked and asked <= set(held_terms(words, code))}
    return [at for at in evidence.ranked if units[at].citation.source in whole]


def _about(evidence: ScoredEvidence) -> list[int]:
    """Return the positions of what is about the question, best first.

    Where that names something, documents that do not name it are not; nor are other records where several hold the
    words of the best one, nor sentences further from the question than most in paragraphs without a word of it, where
    others have some. Of a document without a word of it, where others have some, only what is nearer to it than all of
    those is about it.
    """
    ranked, scores, units = evidence.ranked, evidence.scores, evidence.units
    naming = {units[at].citation.source for at in ranked if scores.named[at] > 0}
    alike = {at for at in ranked if at in evidence.records and (scores.parts[at] >= scores.parts[ranked[0]]).all()}
    is_of_records = ranked[0] in evidence.records and len(alike) > 1
    told = {evidence.belonging[at].paragraph for at in ranked if at not in evidence.records and scores.parts[at].any()}
    middle = float(np.median(scores.meaning[ranked]))
    worded = [at for at in ranked if scores.parts[at].any()]
    documents = {units[at].citation.source for at in worded}
    nearest = max((float(scores.meaning[at]) for at in worded), default=0.0)

    def is_about(at: int) -> bool:
        if documents and units[at].citation.source not in documents and scores.meaning[at] <= nearest:
            return False
        if at in evidence.records:
            return at in alike or not is_of_records
        return not told or evidence.belonging[at].paragraph in told or bool(scores.meaning[at] >= middle)

    return [at for at in ranked if is_about(at) and (not naming or units[at].citation.source in naming)]
