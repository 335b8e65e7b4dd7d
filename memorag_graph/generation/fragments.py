"""Join what a splitter takes for sentences of their own: labels before a text, and fragments that belong together."""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence

from memorag_graph.text.records import speaker_of
from memorag_graph.text.sentences import Sentence, is_brief_statement, is_statement
from memorag_graph.text.words import count_words

_LABEL = re.compile(r"[^\W\d_][\w-]*\s(?:\d{1,3}|[IVXLC]{1,6}|[A-Z])[.:]")
"""A word and a number before what they head: "Hint 3." before "The maid airs the blue room."."""

_LABELLED = 2
"""A label and the sentence that it heads."""

_MOST_WORDS = 5
"""Words of each fragment of a short entry: "Roast duck. 24 euros."."""


def joined_fragments(text: str, sentences: Sequence[Sentence], headings: Collection[int]) -> Iterator[Sentence]:
    """Yield sentences; those of a line that is an entry of fragments are one, and so is a label with its sentence.

    Args:
        text: The text.
        sentences: Its sentences, in order.
        headings: Starts of its known headings, which are no labels.
    """
    lines = list(_lines(text, sentences))
    labels = Counter(line[0].text.split()[0] for line in lines if _LABEL.fullmatch(line[0].text))
    for line in lines:
        first = line[0]
        is_label = len(line) > 1 and first.start not in headings and bool(_LABEL.fullmatch(first.text))
        is_label &= len(line) == _LABELLED or labels[first.text.split()[0]] > 1  # others are titles: "Leaflet 2."
        if len(line) > 1 and first.start not in headings and _is_entry(line):
            yield _one(text, line)
        elif is_label:
            yield _one(text, line[:2])
            yield from line[2:]
        else:
            yield from line


def _lines(text: str, sentences: Sequence[Sentence]) -> Iterator[list[Sentence]]:
    """Yield the sentences of each line that is no record."""
    line: list[Sentence] = []
    for sentence in sentences:
        if line and (sentence.is_record or line[-1].is_record or "\n" in text[line[-1].end : sentence.start]):
            yield line
            line = []
        line.append(sentence)
    if line:
        yield line


def _is_entry(line: Sequence[Sentence]) -> bool:
    """Return whether sentences are all short and hardly one is a statement, so that only all say something."""
    if speaker_of(line[0].text) or any(count_words(it.text) > _MOST_WORDS for it in line):
        return False
    crumbs = [it for it in line if not is_statement(it.text)]
    if all(is_brief_statement(it.text) for it in crumbs):
        return False
    statements = len(line) - len(crumbs)
    return not statements or (statements == 1 and all(any(map(str.isdecimal, it.text)) for it in crumbs))


def _one(text: str, sentences: Sequence[Sentence]) -> Sentence:
    start, end = sentences[0].start, sentences[-1].end
    return Sentence(start, end, text[start:end])
