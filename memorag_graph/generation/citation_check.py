"""Turn marks like ``[1]`` of a written answer into citations, and check that the passages support them."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from memorag_graph.generation.answer import Citation, Unsupported
from memorag_graph.generation.dated_passages import dated
from memorag_graph.generation.quotable_sentences import quotation
from memorag_graph.generation.support import supports
from memorag_graph.retrieval.retrieve import Evidence
from memorag_graph.text.sentences import Sentence, split_sentences
from memorag_graph.text.words import content_words, count_words, share_of

MARKS = re.compile(r"[\[［【](\d{1,3}(?:\s*[,，、;]\s*\d{1,3})*)[\]］】]")
"""The marks of an answer, such as ``[1]`` or ``[2, 3]``."""

_FEWEST_WORDS = 4
"""Shorter sentences, for example "Yes.", need no support."""

Similarity = Callable[[str, str], float]
"""Cosine similarity of two texts."""


@dataclass(frozen=True, slots=True)
class Checked:
    """The checked citations of an answer.

    Attributes:
        citations: One for each mark and statement; ``supported`` if the passage supports the statement.
        missing: Numbers without a passage, in order.
        unsupported: Sentences that no passage they cite supports.
        statements: Number of checked sentences.
    """

    citations: tuple[Citation, ...]
    missing: tuple[int, ...]
    unsupported: tuple[Unsupported, ...]
    statements: int


@dataclass(frozen=True, slots=True)
class _Mark:
    """A number in brackets, with the part of its sentence that it refers to.

    Attributes:
        number: The number.
        statement: The words that it refers to.
        start: Where they begin in the answer.
        end: Where the brackets end.
    """

    number: int
    statement: str
    start: int
    end: int


def check(text: str, evidence: Sequence[Evidence], language_code: str, similarity: Similarity) -> Checked:
    """Compare the statements of an answer with the passages that they cite.

    A mark refers to the words of its sentence since the previous mark; the quotation is the passage's sentence that
    shares most words with them. A sentence is supported if one of its marks is.

    Args:
        text: The answer.
        evidence: The passages; the first has number 1.
        language_code: Language of the passages.
        similarity: Compares a paraphrased statement with a quotation.
    """
    citations: dict[Citation, None] = {}
    missing: list[int] = []
    unsupported: list[Unsupported] = []
    statements = 0
    for sentence, marks in _statements(text, language_code):
        found = [
            _cite(mark, evidence, language_code, similarity) for mark in marks if 1 <= mark.number <= len(evidence)
        ]
        citations |= dict.fromkeys(found)
        missing += [mark.number for mark in marks if not 1 <= mark.number <= len(evidence)]
        if count_words(sentence.text) >= _FEWEST_WORDS:
            statements += 1
            if not any(citation.supported for citation in found):
                unsupported.append(Unsupported(sentence.start, sentence.end, text[sentence.start : sentence.end]))
    return Checked(tuple(citations), tuple(dict.fromkeys(missing)), tuple(unsupported), statements)


def marked_statements(text: str, language_code: str) -> list[tuple[int, int, int]]:
    """Return the number of each mark of an answer, where what it refers to begins, and where the mark ends."""
    found = (mark for _, marks in _statements(text, language_code) for mark in marks)
    return [(mark.number, mark.start, mark.end) for mark in found]


def without_marks(text: str) -> str:
    """Replace the marks of an answer with spaces of the same length."""
    return MARKS.sub(lambda match: " " * len(match[0]), text)


def _statements(text: str, language_code: str) -> Iterator[tuple[Sentence, list[_Mark]]]:
    """Yield each sentence of an answer with its marks, including those after its full stop."""
    plain = without_marks(text)
    sentences = [sentence for sentence in split_sentences(plain, language_code) if count_words(sentence.text)]
    begin = 0
    for sentence, following in zip(sentences, [*sentences[1:], None], strict=False):
        end = following.start if following else len(text)
        marks: list[_Mark] = []
        since, statement, start = sentence.start, sentence.text, sentence.start
        for match in MARKS.finditer(text, begin, end):
            before = plain[since : match.start()] if match.start() > since else ""
            if content_words(before):  # else one of several marks of one statement
                statement, start = before, since + len(before) - len(before.lstrip())
            marks += [_Mark(int(number), statement, start, match.end()) for number in re.findall(r"\d+", match[1])]
            since = max(since, match.end())
        yield sentence, marks
        begin = end


def _cite(mark: _Mark, evidence: Sequence[Evidence], language_code: str, similarity: Similarity) -> Citation:
    passage = evidence[mark.number - 1]
    words = content_words(mark.statement)
    sentences = split_sentences(passage.text, language_code)
    best = max(
        sentences,
        key=lambda sentence: (share_of(words, content_words(sentence.text)), -sentence.start),
        default=Sentence(0, len(passage.text), passage.text),  # a blank passage, as edited by a person
    )
    is_supported = supports(
        dated(passage), mark.statement, language_code, lambda: similarity(mark.statement, best.text)
    )
    return replace(quotation(mark.number, passage, best), supported=is_supported)
