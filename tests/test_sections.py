"""Texts are split into sections piece by piece: no word is lost, none is too long, and no long text is read ahead."""

import itertools
import re

import pytest

from memorag_graph.documents import Document
from memorag_graph.memory.build import builder
from memorag_graph.progress import Progress
from memorag_graph.registry import Registry
from memorag_graph.text import chunking
from memorag_graph.text.chunking import CountsTokens, split_sections
from tests.conftest import TEXT, TINY

SIZE = 64
LONGEST_PARAGRAPH = 4_000
"""Characters of a paragraph that are read at once, in these tests."""

PARAGRAPHS = "\n\n".join(
    f"Paragraph {number} " + "tells a little of the harbour. " * (number % 3) for number in range(80)
)
TEXTS = {
    "paragraphs": PARAGRAPHS,
    "blank lines of spaces": PARAGRAPHS.replace("\n\n", " \n \t \n\n  "),
    "one line after the other": "\n".join(f"{number} the log goes on" for number in range(750)),
    "one paragraph": "the clerk writes on and on " * 600,
    "one word": "x" * 12_500,
    "words far apart": "first" + " " * 20_000 + "second" + "\n" * 20_000 + "third" + " \n" * 12_000,
    "a few words": "  only this  ",
}


class Words:
    """Counts words, and of a very long one every tenth character; keeps how many characters it was given."""

    fast_tokenizer = None

    def __init__(self) -> None:
        self.characters = 0

    def count(self, text: str) -> int:
        self.characters += len(text)
        return sum(-(-len(word) // 10) for word in re.findall(r"\S+", text))


@pytest.fixture(autouse=True)
def short_paragraphs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunking, "_LONGEST_PARAGRAPH", LONGEST_PARAGRAPH)


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_sections_hold_every_word_once_in_order_and_none_is_too_long(text: str) -> None:
    words = Words()
    sections = list(split_sections(text, words, SIZE))
    assert len(sections) > 1 or text == TEXTS["a few words"]
    assert "".join("".join(text[it.start : it.end] for it in sections).split()) == "".join(text.split())
    assert all(before.end <= after.start for before, after in itertools.pairwise(sections))
    assert all(it.tokens == words.count(text[it.start : it.end]) <= SIZE for it in sections)
    assert all(text[it.start : it.end].strip() == text[it.start : it.end] for it in sections)


def test_sections_end_with_paragraphs_where_these_are_short() -> None:
    ends = {match.start() for match in re.finditer(r"\s*\n\n|\s*\Z", PARAGRAPHS)}
    assert {it.end for it in split_sections(PARAGRAPHS, Words(), SIZE)} <= ends


@pytest.mark.parametrize("name", ["one line after the other", "one paragraph", "one word"])
def test_a_section_is_known_before_the_rest_of_the_text_is_read(name: str) -> None:
    read = []
    for times in (2, 20):
        words = Words()
        next(split_sections(TEXTS[name] * times, words, SIZE))
        read.append(words.characters)
    assert read[0] == read[1]


def test_white_space_of_any_length_is_not_counted_word_for_word() -> None:
    words = Words()
    sections = list(split_sections("first" + " " * 5_000_000 + "second", words, SIZE))
    assert len(sections) == 2
    assert words.characters < 10_000


def test_an_edit_moves_only_the_sections_about_it() -> None:
    edited = PARAGRAPHS.replace("Paragraph 40 ", "Here is something that was not there before. Paragraph 40 ")
    before, after = (
        {text[it.start : it.end] for it in split_sections(text, Words(), SIZE)} for text in (PARAGRAPHS, edited)
    )
    assert len(before & after) > len(before) / 2


@pytest.mark.parametrize("stage", ["sections", "chunks"])
def test_progress_over_several_documents_rises_to_the_whole(registry: Registry, stage: str) -> None:
    documents = [Document("a.txt", TEXT), Document("b.txt", f"{TEXT[:900]}  \n"), Document("c.txt", TEXT[:2000])]
    reports: list[Progress] = []
    registry.memorize(documents, TINY, None, reports.append)
    done = [report.done for report in reports if report.stage == stage]
    assert done == sorted(done)
    assert (
        {report.total for report in reports if report.stage == stage}
        == {sum(len(it.text) for it in documents)}
        == {done[-1]}
    )


def test_a_document_has_the_tokens_of_its_whole_text_and_long_ones_are_counted_in_pieces(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = registry.models.memory_model(TINY.model, TINY)
    whole = registry.memorize([Document("a.txt", TEXT)], TINY).memory.context_tokens
    assert whole == model.language_model.count(TEXT)
    longest = 0
    count = builder._count

    def recording(text: str, start: int, end: int, tokens: CountsTokens) -> int:
        nonlocal longest
        longest = max(longest, end - start)
        return count(text, start, end, tokens)

    monkeypatch.setattr(builder, "_COUNTED_AT_ONCE", 500)
    monkeypatch.setattr(builder, "_count", recording)
    pieces = registry.memorize([Document("b.txt", TEXT)], TINY).memory.context_tokens
    assert longest < len(TEXT)
    assert pieces == pytest.approx(whole, rel=0.01)
