"""Weigh sentences by where they stand: less in an earlier message, or where a file or heading names another year.

So do the headers of an e-mail that tell no person, where the question asks who.
"""

from collections.abc import Sequence
from pathlib import PurePath

import numpy as np
from numpy.typing import NDArray

from memorag_graph.generation.quotable_sentences import Unit
from memorag_graph.generation.surroundings import Surroundings
from memorag_graph.text.asking_words import ASKS_CHANGE, ASKS_WHO
from memorag_graph.text.identifiers import named_versions
from memorag_graph.text.mail_labels import QUOTED, tells_who
from memorag_graph.text.numbers import YEAR

_ELSEWHERE = 0.7
"""Weight of what an e-mail quotes of an earlier message, which it may answer or correct, and of another year."""

_OTHER_HEADER = 0.5
"""Weight of headers of an e-mail that tell nobody, where the question asks who."""


def unit_weights(question: str, units: Sequence[Unit], belonging: Sequence[Surroundings]) -> NDArray[np.float32]:
    """Return the weight of each unit's score, shape (units,).

    Where the question names a year that a file's name or a heading has, those with other years alone are about these,
    unless a sentence itself names the year. So are files of other versions, where it names one's.
    """
    weights = np.array([_ELSEWHERE if QUOTED in about.heading else 1.0 for about in belonging], dtype=np.float32)
    if ASKS_WHO.search(question):
        weights *= np.array(
            [1.0 if tells_who(question, it.citation.quote) else _OTHER_HEADER for it in units], dtype=np.float32
        )
    if version := named_versions(question):
        named = [named_versions(PurePath(it.citation.source).stem) for it in units]
        if any(version & its for its in named):
            weights *= np.array([1.0 if version & its else _ELSEWHERE for its in named], dtype=np.float32)
    asked = set(YEAR.findall(question))
    if not asked or ASKS_CHANGE.search(question):
        return weights
    above = [set(YEAR.findall(f"{about.title} {about.heading}")) for about in belonging]
    if any(asked & years for years in above):
        for at, unit in enumerate(units):
            if above[at] and not asked & (above[at] | set(YEAR.findall(unit.citation.quote))):
                weights[at] *= _ELSEWHERE
    return weights
