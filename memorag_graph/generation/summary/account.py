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
            the question. Neither counts where a document is called by all words of the question, and none else can be
            meant: then it is of that.
    """
    wanted = _wanted(evidence, question, part)
    places = sorted(distinct(wanted, evidence.sentences, len(wanted)))
    chosen = first = _chosen(evidence, question, places)
    while orphans := _orphans(evidence, chosen):
        places = [at for at in places if at not in orphans]
        chosen = _chosen(evidence, question, places) if places else []
        if 2 * len(chosen) < len(first):  # nearly all refer back: too little would be left
            return first
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
    """Return the positions of sentences such as "It is very boring." without the one that they refer to.

    That is the one before or, in the same paragraph, the one that names their subject. What opens a document or stands
    right below a heading refers to none: "These rules apply to all guests."
    """
    code, units, known = evidence.language_code, evidence.units, set(chosen)

    def is_orphan(at: int) -> bool:
        here = units[at].citation
        opens = here.start == 0 or (at > 0 and units[at - 1].is_heading)
        referred = {at - 1, *evidence.belonging[at].subject[:1]}
        return not opens and not referred & known and begins_back(here.quote, code)

    return {at for at in chosen if is_orphan(at)}


def _wanted(evidence: ScoredEvidence, question: str, part: Sequence[int]) -> Sequence[int]:
    """Return the positions of what the account is of: documents that are called so, the part, or what is about it.

    A document that is called by other words, too, may not be meant: a request for an account of Dunmarrow is none for
    its bus timetable alone. If another one has a part that is called so, the account is of that part; if sentences of
    another one hold all words of the question, it is of both.
    """
    units, ranked, code = evidence.units, evidence.ranked, evidence.language_code
    worded, called = set(asked_terms(evidence.worded, code)), _called(evidence, question)
    telling = part or [at for at in ranked if worded <= set(held_terms(units[at].citation.quote, code))]
    is_certain = all(units[at].citation.source in called for at in telling)
    whole = {source for source, is_just_so in called.items() if is_certain or is_just_so}
    if whole or part:
        return [at for at in ranked if units[at].citation.source in whole] or part
    about = set(_about(evidence))
    return [at for at in ranked if at in about or units[at].citation.source in called]


def _called(evidence: ScoredEvidence, question: str) -> dict[str, bool]:
    """Return the documents whose names and titles hold all words of the question, and of each if one holds no others.

    Figures do not count among the others: "report_2021.md" is called just "the report".
    """
    code = evidence.language_code
    asked = set(asked_terms(question, code))
    found: dict[str, bool] = {}
    for source, title in {(it.citation.source, it.title) for it in evidence.units}:
        names = [set(held_terms(name, code)) for name in (name_words(source), title)]
        if asked and asked <= set().union(*names):
            found[source] = any(asked <= name and asked >= {*filter(str.isalpha, name)} for name in names)
    return found


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
