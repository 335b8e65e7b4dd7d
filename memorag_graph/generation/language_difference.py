"""Tell whether a question is in another language than the evidence, so that their words cannot be compared."""

from collections.abc import Sequence
from dataclasses import dataclass

from py3langid import rank

from memorag_graph.text.languages import Language, detect_language, is_known, language, scripts, tells_language
from memorag_graph.text.words import count_words

_MARGIN = 12.0
"""Minimum difference of the log-likelihoods of two languages.

Of XQuAD's questions, 1 of 1,190 in English or Arabic and none in German or Chinese is taken for another language; of
those put to a text in another language, 99 % are recognized.
"""

_NEAR = 6.0
"""Difference of the log-likelihoods within which a short question may be in any of several languages."""

_WIDE = frozenset({
    *("en", "de", "fr", "es", "it", "pt", "nl", "sv", "da", "no", "pl", "cs", "hu", "ro", "ru", "uk", "bg", "el", "tr"),
    *("ar", "fa", "he", "hi", "bn", "th", "vi", "id", "zh", "ja", "ko", "fi"),
})  # fmt: skip
"""Languages that many write; the classifier takes a few words of them for those of smaller ones."""

_WORDS_IN_COMMON = 0.5
"""From this share of the question's words in one sentence on, the languages may differ: the words can be compared."""


_FEWEST_WORDS = 20
"""Minimum words for detecting the language of a passage."""


@dataclass(frozen=True, slots=True)
class LanguageDifference:
    """Languages that differ.

    Attributes:
        asked: Language of the question; named "another language" if it is too short to tell.
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
    """Return the languages of a question and the evidence if they surely differ, or their scripts do; else None.

    The language of rows and forms, which have no prose, is not known well enough to differ.

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
    is_told = tells_language("\n".join(evidence))
    if is_told:
        found = detect_language("\n".join(evidence))
        written.setdefault(found.name, found)
    likely = [(language(code), score) for code, score in rank(question) if is_known(code)]
    known = [score for found, score in likely if found.name in written]
    surely = bool(known) and likely[0][0].name not in written and likely[0][1] - max(known) >= _MARGIN
    if not is_told:
        surely = False  # rows and forms: their language was guessed
    main_scripts = {script for it in evidence for script in scripts(it)[:1]}
    if not surely and not main_scripts.isdisjoint(scripts(question)):
        return None
    return LanguageDifference(_asked(likely), _main(evidence, document))


def _asked(likely: Sequence[tuple[Language, float]]) -> Language:
    """Return the language of a question, of those that may be: the only one of wide use, or else "another language"."""
    near = {found.name: found for found, score in likely if score > likely[0][1] - _NEAR}
    wide = [found for found in near.values() if found.code in _WIDE]
    if len(wide) == 1 or len(near) == 1:
        return (wide or list(near.values()))[0]
    return Language("", "another language")


def compared_language(question: str, evidence: Sequence[str], document: Language) -> Language:
    """Return the language in which to compare words: the document's, or the question's where only that is known."""
    if tells_language("\n".join(evidence)) or not tells_language(question):
        return document
    asked = detect_language(question)
    return asked if scripts(question)[:1] == scripts("\n".join(evidence))[:1] else document


def _main(evidence: Sequence[str], document: Language) -> Language:
    """Return the language of the evidence as a whole, if it has a name; else that of the document."""
    found = detect_language("\n".join(evidence))
    return found if found.name != found.code else document
