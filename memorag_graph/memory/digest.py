"""What a model drafted about a section → a digest that says nothing the section does not say.

Small models drift: they repeat themselves, mix up figures and invent. So each drafted sentence must be borne out
by the words of one passage of the section, and the room that is left goes to the section's most central sentences,
verbatim, chosen by SumBasic (Nenkova and Vanderwende, "The impact of frequency on summarization", 2005).
"""

from collections import Counter
from collections.abc import Callable, Iterable
from itertools import pairwise

from memorag_graph.sentences import Sentence, split_sentences
from memorag_graph.words import content_words, is_figure, share_of

_SUPPORT = 0.75
_REPEATED = 0.7
_FEWEST_WORDS = 5


def faithful_digest(
    draft: str, section: str, limit: int, count_tokens: Callable[[str], int], language_code: str
) -> str:
    """Return a digest of a section in at most ``limit`` tokens.

    Args:
        draft: What the model wrote; may be empty.
        section: The text to digest.
        limit: Most tokens of the digest.
        count_tokens: Counts the tokens of a text.
        language_code: ISO 639-1 code of the text's language.
    """
    kept: list[str] = []
    left = limit
    for text in _candidates(draft, section, language_code):
        cost = count_tokens(text) + 1
        if cost <= left and not _repeats(text, kept):
            kept.append(text)
            left -= cost
    return " ".join(_in_order(kept, section)) or section[: limit * 2].strip()


def _candidates(draft: str, section: str, language_code: str) -> Iterable[str]:
    sentences = split_sentences(section, language_code)
    words = [set(content_words(sentence.text)) for sentence in sentences]
    passages = [first | second for first, second in pairwise([*words, set()])]
    for sentence in split_sentences(draft, language_code):
        if _is_supported(sentence.text, passages):
            yield _on_one_line(sentence.text)
    for sentence in central_sentences(sentences):
        yield _on_one_line(sentence.text)


def central_sentences(sentences: Iterable[Sentence]) -> Iterable[Sentence]:
    """Yield sentences, most central first: those whose words are frequent and not yet covered."""
    words = {sentence: content_words(sentence.text) for sentence in sentences}
    words = {sentence: found for sentence, found in words.items() if len(found) >= _FEWEST_WORDS}
    counts = Counter(word for found in words.values() for word in found)
    total = sum(counts.values())
    weight = {word: count / total for word, count in counts.items()}
    while words:
        best = max(words, key=lambda it: (sum(weight[word] for word in words[it]) / len(words[it]), -it.start))
        yield best
        for word in set(words.pop(best)):
            weight[word] **= 2


def _is_supported(text: str, passages: Iterable[set[str]]) -> bool:
    """Tell whether one passage of two sentences holds most of a sentence's words and all of its figures."""
    words = content_words(text)
    figures = {word for word in words if is_figure(word)}
    return len(words) >= _FEWEST_WORDS and any(
        share_of(words, passage) >= _SUPPORT and figures <= passage for passage in passages
    )


def _repeats(text: str, kept: Iterable[str]) -> bool:
    words = content_words(text)
    return any(share_of(words, content_words(other)) >= _REPEATED for other in kept)


def _in_order(texts: Iterable[str], section: str) -> list[str]:
    """Sort texts by where the section says the same; what is not verbatim comes first, as it was drafted."""
    flat = _on_one_line(section)
    return sorted(texts, key=flat.find)


def _on_one_line(text: str) -> str:
    return " ".join(text.split())
