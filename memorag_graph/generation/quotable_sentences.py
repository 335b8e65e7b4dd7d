"""Split evidence into sentences, and choose those that an answer may quote."""

import re
from collections.abc import Iterator, Sequence

from memorag_graph.generation.answer import Citation
from memorag_graph.retrieval.retrieve import Evidence
from memorag_graph.text.sentences import Sentence, is_statement, split_sentences
from memorag_graph.text.words import content_words, count_words, is_figure

_FEWEST_WORDS = 4
_LONGEST = 480
_SHORTEST = 160
_PIECE = re.compile(
    rf"\S.{{0,{_LONGEST - 1}}}\Z"
    rf"|\S.{{{_SHORTEST},{_LONGEST - 2}}}[;,:，；：、]"
    rf"|\S.{{0,{_LONGEST - 1}}}(?=\s)"
    rf"|\S{{{_LONGEST}}}",
    re.DOTALL,
)
"""A piece of a long sentence; it ends after a clause if possible, or else between words."""


def sentences_of(evidence: Sequence[Evidence], language_code: str) -> list[Citation]:
    """Return the sentences of numbered passages, in order; those of more than 480 characters are cut in pieces."""
    return [
        quotation(number, passage, sentence)
        for number, passage in enumerate(evidence, start=1)
        for whole in split_sentences(passage.text, language_code)
        for sentence in _cut(whole)
    ]


def quotation(number: int, passage: Evidence, sentence: Sentence) -> Citation:
    """Cite a sentence of a passage."""
    start, end = passage.start + sentence.start, passage.start + sentence.end
    return Citation(number, passage.source, start, end, sentence.text, **passage.page_map.place(start))


def is_quotable(text: str) -> bool:
    """Return whether a text can answer: a sentence, or a short line that holds a figure; no headings or fragments."""
    return is_statement(text) or (count_words(text) >= _FEWEST_WORDS and any(map(is_figure, content_words(text))))


def _cut(sentence: Sentence) -> Iterator[Sentence]:
    if len(sentence.text) <= _LONGEST:
        yield sentence
        return
    for piece in _PIECE.finditer(sentence.text):
        text = piece[0].rstrip()
        start = sentence.start + piece.start()
        yield Sentence(start, start + len(text), text)
