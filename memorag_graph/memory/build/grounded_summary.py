"""Turn a model's draft about a section into a summary that the section supports.

Small models repeat themselves, mix up figures and invent. So each drafted sentence must be supported by the words of
one passage of the section, and the remaining room goes to the section's most central sentences, verbatim, chosen like
SumBasic does (Nenkova and Vanderwende, "The impact of frequency on summarization", 2005).
"""

from collections import Counter
from collections.abc import Callable, Iterable
from math import fsum  # exact sums: the order of a set of words differs between processes

from memorag_graph.text.sentences import Sentence, split_sentences
from memorag_graph.text.words import content_words, is_figure, is_supported, longest_prefix, passages, share_of

_SUPPORT = 0.75
_REPEATED = 0.7
_FEWEST_WORDS = 5
_FIGURE_WEIGHT = 0.2


def grounded_summary(
    draft: str, section: str, limit: int, count_tokens: Callable[[str], int], language_code: str
) -> str:
    """Return a summary of a section of at most ``limit`` tokens.

    Args:
        draft: What the model wrote; may be empty.
        section: The text to summarize.
        limit: Maximum tokens of the summary.
        count_tokens: Counts the tokens of a text.
        language_code: ISO 639-1 code of the text's language.
    """
    kept: list[str] = []
    left = limit
    for text in _candidates(draft, section, language_code):
        if left <= _FEWEST_WORDS:  # no candidate is shorter
            break
        cost = count_tokens(text) + 1
        if cost <= left and not _repeats(text, kept):
            kept.append(text)
            left -= cost
    return " ".join(_in_order(kept, section)) or longest_prefix(_on_one_line(section), limit, count_tokens)


def _candidates(draft: str, section: str, language_code: str) -> Iterable[str]:
    sentences = split_sentences(section, language_code)
    known = passages(sentence.text for sentence in sentences)
    for sentence in split_sentences(draft, language_code):
        if is_supported(sentence.text, known, _SUPPORT, _FEWEST_WORDS):
            yield _on_one_line(sentence.text)
    for sentence in central_sentences(sentences):
        yield _on_one_line(sentence.text)


def central_sentences(sentences: Iterable[Sentence]) -> Iterable[Sentence]:
    """Yield sentences, most central first: those with the greatest weight of words not covered yet.

    Two changes to SumBasic, which averages word weights and so prefers short, general sentences: the sum is divided by
    the square root of the length, and a figure, rare as it is, weighs as much as a fairly frequent word.
    """
    words = {sentence: set(content_words(sentence.text)) for sentence in sentences}
    words = {sentence: found for sentence, found in words.items() if len(found) >= _FEWEST_WORDS}
    counts = Counter(word for found in words.values() for word in found)
    total = counts.total()
    figure = _FIGURE_WEIGHT * max(counts.values(), default=0)
    weight = {word: (figure if is_figure(word) else count) / total for word, count in counts.items()}
    while words:
        best = max(words, key=lambda it: (fsum(map(weight.__getitem__, words[it])) / len(words[it]) ** 0.5, -it.start))
        yield best
        for word in words.pop(best):
            weight[word] **= 2


def _repeats(text: str, kept: Iterable[str]) -> bool:
    words = content_words(text)
    return any(share_of(words, content_words(other)) >= _REPEATED for other in kept)


def _in_order(texts: Iterable[str], section: str) -> list[str]:
    """Sort texts by their place in the section; drafted sentences that are not verbatim come first."""
    flat = _on_one_line(section)
    return sorted(texts, key=flat.find)


def _on_one_line(text: str) -> str:
    return " ".join(text.split())
