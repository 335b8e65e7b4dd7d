"""Choose the sentences of an account: what matters in the evidence, as far as it is about what the question asks."""

import numpy as np

from memorag_graph.generation.asked_terms import asked_terms, held_terms
from memorag_graph.generation.scored_evidence import ScoredEvidence
from memorag_graph.generation.summary.salience import salience
from memorag_graph.generation.summary.selection import Selection
from memorag_graph.text.words import count_words, share_of

ACCOUNT_WORDS = 110
"""Maximum words of an account that answers a question; a summary is as long as asked for."""

_WORDS = 3.0
"""Weight of the share of the question's words that a sentence holds."""

_MEANING = 2.0
"""Weight of a sentence's similarity with the question, in standard deviations."""


def account(evidence: ScoredEvidence, question: str) -> list[int]:
    """Return the positions of the sentences of a short account, in document order.

    Args:
        evidence: The evidence, some of which can be quoted.
        question: What the account is to be of.
    """
    code = evidence.language_code
    places = [at for at, unit in enumerate(evidence.units) if unit.is_quotable]
    quotes = [evidence.units[at].citation.quote for at in places]
    wanted = asked_terms(question, code)
    meaning = evidence.scores.meaning[places]
    relevance = _WORDS * np.array([share_of(wanted, held_terms(it, code)) for it in quotes])
    relevance += _MEANING * (meaning - meaning.mean()) / max(float(meaning.std()), 1e-6)
    lengths = [max(count_words(it), 1) for it in quotes]
    chosen = Selection(salience(quotes, code), lengths, relevance).select([0] * len(places), ACCOUNT_WORDS)
    return sorted(places[at] for at in chosen)
