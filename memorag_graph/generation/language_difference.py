"""Tell whether a question is in another language than the evidence, so that their words cannot be compared."""

from collections.abc import Sequence
from dataclasses import dataclass

from py3langid import rank

from memorag_graph.text.languages import Language, detect_language, language
from memorag_graph.text.words import count_words

_MARGIN = 12.0
"""Minimum difference of the log-likelihoods of two languages.

Of XQuAD's questions, 1 of 1,190 in English or Arabic and none in German or Chinese is taken for another language; of
those put to a text in another language, 99 % are recognized.
"""

_WORDS_IN_COMMON = 0.5
"""From this share of the question's words in one sentence on, the languages may differ: the words can be compared."""


_FEWEST_WORDS = 20
"""Minimum words for detecting the language of a passage."""


@dataclass(frozen=True, slots=True)
class LanguageDifference:
    """Languages that differ.

    Attributes:
        asked: Language of the question.
        written: Language of the evidence.
    """

    asked: Language
    written: Language

    @property
    def notice(self) -> str:
        """What a reader should know."""
        return (
            f"The question is in {self.asked.name}, the document in {self.written.name}; how well the sentences answer "
            "it could not be judged by their words."
        )


def language_difference(
    question: str, evidence: Sequence[str], document: Language, words_in_common: float
) -> LanguageDifference | None:
    """Return the languages of a question and the evidence if they surely differ; else None.

    Args:
        question: The question.
        evidence: The passages.
        document: Language of the document, which may also have parts in others.
        words_in_common: Largest share of the question's words that one sentence holds.
    """
    if words_in_common >= _WORDS_IN_COMMON or not any(map(str.isalpha, question)):
        return None
    written = {language(document.code).name: document}
    for passage in (it for it in evidence if count_words(it) >= _FEWEST_WORDS):
        found = detect_language(passage)
        written.setdefault(found.name, found)
    likelihood: dict[str, tuple[float, str]] = {}
    for code, score in rank(question):
        name = language(str(code)).name
        if name != code:  # one of the languages that have names here
            likelihood.setdefault(name, (float(score), str(code)))
    (asked, (best, code)), *_ = likelihood.items()
    known = [score for name, (score, _) in likelihood.items() if name in written]
    if asked in written or not known or best - max(known) < _MARGIN:
        return None
    return LanguageDifference(language(code), _main(evidence, document))


def _main(evidence: Sequence[str], document: Language) -> Language:
    """Return the language of the evidence as a whole, if it has a name; else that of the document."""
    found = detect_language("\n".join(evidence))
    return found if found.name != found.code else document
