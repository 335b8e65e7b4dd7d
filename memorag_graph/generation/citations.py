"""Marks like ``[1]`` in a written answer → citations that stand in the document."""

import re
from collections.abc import Sequence

from memorag_graph.generation.answer import Citation
from memorag_graph.retrieval.evidence import Evidence
from memorag_graph.sentences import split_sentences
from memorag_graph.words import content_words, share_of

_MARKS = re.compile(r"[\[［【](\d{1,3}(?:\s*[,，、;]\s*\d{1,3})*)[\]］】]")


def cite(text: str, evidence: Sequence[Evidence], language_code: str) -> tuple[list[Citation], list[str]]:
    """Find the sentences that the marks of an answer point to.

    A mark names a passage; the quotation is the passage's sentence that shares most words with the statement
    before the mark.

    Returns:
        The citations, one for each mark and statement, and notices about marks that name no passage.
    """
    citations: list[Citation] = []
    missing: list[str] = []
    statement, statement_start = "", 0
    for marks in _MARKS.finditer(text):
        said = _MARKS.sub("", text[statement_start : marks.start()])
        statement = said if content_words(said) else statement  # several marks of one statement
        for number in (int(number) for number in re.findall(r"\d+", marks[1])):
            if 1 <= number <= len(evidence):
                citation = _quote(number, evidence[number - 1], statement, language_code)
                citations += [citation] if citation not in citations else []
            else:
                missing.append(str(number))
        statement_start = marks.end()
    notices = []
    if missing:
        notices.append(f"The answer cites passages that do not exist: {', '.join(missing)}.")
    if not citations:
        notices.append("The answer cites no passage; nothing in it was checked against the document.")
    return citations, notices


def _quote(number: int, passage: Evidence, statement: str, language_code: str) -> Citation:
    words = content_words(statement)
    sentences = split_sentences(passage.text, language_code)
    best = max(sentences, key=lambda sentence: (share_of(words, content_words(sentence.text)), -sentence.start))
    return Citation(number, passage.source, passage.start + best.start, passage.start + best.end, best.text)
