"""Summaries of what explains and has sections: near to the whole, clear without the rest, each section in turn."""

from collections.abc import Sequence
from random import Random

import numpy as np
import pytest
from langchain_core.embeddings import Embeddings

from memorag_graph.documents import PageMap, from_text
from memorag_graph.generation.answer import GenerationInput
from memorag_graph.generation.extractive_generator import ExtractiveGenerator
from memorag_graph.generation.quotable_sentences import units_of
from memorag_graph.generation.summary.cover import cover, summary_words
from memorag_graph.generation.summary.expository import explains, weights
from memorag_graph.generation.summary.extract import extract
from memorag_graph.generation.summary.sentences import sentences_of_chunks
from memorag_graph.prompts import Prompts
from memorag_graph.retrieval.retrieve import Evidence
from memorag_graph.text.chunking import Chunk
from memorag_graph.text.code_fences import CodeFences
from memorag_graph.text.context_needed import needs_context
from memorag_graph.text.languages import language
from tests.conftest import HashEmbeddings

PLACES = ("Alder", "Birk", "Calder", "Dorn", "Esker", "Fell", "Gorse", "Holm", "Inver")
REPORT = "\n\n".join(
    f"## The works at {place}\n\nThe works at {place} made {number}7,000 tonnes of paper. Snow closed the road to "
    f"{place} for {number + 2} days. Two owls nested in the roof of the hall at {place}."
    for number, place in enumerate(PLACES, start=1)
)


class Known(Embeddings):
    """Embeds texts at random, the same each time, and keeps them."""

    def __init__(self) -> None:
        self.embedded: list[str] = []

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        self.embedded += texts
        return [self.embed_query(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        random = Random(text)
        return [random.gauss(0, 1) for _ in range(6)]


class About(Embeddings):
    """Embeds what holds a word at one point, and everything else anywhere."""

    def __init__(self, word: str) -> None:
        self._word = word
        self.embedded: list[str] = []

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        self.embedded += texts
        return [self.embed_query(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        random = Random(text)
        return [1.0] + [0.0] * 50 if self._word in text else [random.gauss(0, 1) for _ in range(51)]


class Refusing(Embeddings):
    """Fails where it is asked."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        raise AssertionError(texts)

    def embed_query(self, text: str) -> list[float]:
        raise AssertionError(text)


def sections(text: str) -> PageMap:
    at, found = 0, []
    for line in text.splitlines(keepends=True):
        if line.startswith("#"):
            found.append((at, line.strip("# \n")))
        at += len(line)
    return PageMap(sections=tuple(found))


def evidence(text: str, tokens: int, embeddings: Embeddings, *, pages: PageMap | None = None) -> list[Evidence]:
    return cover(
        [Chunk("a.md", 0, 0, len(text), text)],
        {"a.md": sections(text) if pages is None else pages},
        1536,
        summary_words(tokens),
        embeddings=embeddings,
        count_tokens=lambda it: len(it.split()),
        language_code="en",
    )


def request(found: Sequence[Evidence], tokens: int) -> GenerationInput:
    return GenerationInput(
        question="",
        task_type="summarize",
        evidence=found,
        outline=[],
        draft="",
        prompts=Prompts(language("en")),
        max_tokens=tokens,
    )


def summary(text: str, tokens: int, embeddings: Embeddings) -> list[str]:
    found = evidence(text, tokens, embeddings)
    chosen, _ = extract(request(found, tokens), units_of(found, "en"))
    assert all(text[it.start : it.end] == it.quote for it in chosen)
    return [it.quote for it in chosen]


@pytest.mark.parametrize("word", ["tonnes", "Snow", "owls"])
def test_a_summary_quotes_of_each_section_what_is_near_to_the_whole(word: str) -> None:
    assert {it.part for it in evidence(REPORT, 250, About(word))} == set(range(1, len(PLACES) + 1))
    quotes = summary(REPORT, 250, About(word))
    assert [place for place in PLACES if any(place in quote and word in quote for quote in quotes)] == list(PLACES)


def test_sentences_are_as_central_as_their_cosine_with_the_mean() -> None:
    found = [f"The harbour of Port {number} has {number * 37} berths." for number in range(40)]
    given = weights(found, np.zeros(40), Known(), "en")
    vectors = [np.array(Known().embed_query(it)) for it in found]
    mean = sum(it / np.sqrt(sum(x * x for x in it)) for it in vectors) / 40
    cosines = [sum(x * y for x, y in zip(it, mean, strict=True)) / np.sqrt(sum(x * x for x in it)) for it in vectors]
    assert np.allclose(given, (np.array(cosines) - np.mean(cosines)) / np.std(cosines), atol=1e-5)


def test_of_a_long_document_the_most_salient_of_each_stretch_are_compared() -> None:
    found = [f"The harbour of Port {number} has {number * 37} berths." for number in range(3000)]
    salience = np.array([Random(it).random() for it in found])
    known = Known()
    given = weights(found, salience, known, "en")
    best = [
        found[at] for first in range(0, 3000, 150) for at in np.argsort(-salience[first : first + 150])[:50] + first
    ]
    assert sorted(known.embedded) == sorted(best)
    others = [at for at in range(3000) if found[at] not in set(best)]
    assert np.all(given[others] == given.min())


DIALOGUE = [f"“I saw number {number},” she said." for number in range(3)]


@pytest.mark.parametrize(
    ("sentences", "count", "code", "expected"),
    [
        (["The harbour was dredged."] * 20, 2, "en", True),
        (["The harbour was dredged."] * 20, 1, "en", False),
        (["The harbour was dredged."] * 20 + DIALOGUE, 5, "en", False),
        (["The song “Blue” was long."] * 20, 5, "en", True),
        (["We dredged the harbour."] * 20, 5, "en", True),
        ([f"{name}: We dredged it." for name in ("Ann", "Bob")] * 9, 5, "en", False),
        (["Der Hafen wurde vertieft."] * 20 + ["„Ich sah es“, sagte er."] * 3, 5, "de", False),
    ],
)
def test_what_has_sections_explains_unless_it_is_a_story_or_a_conversation(
    sentences: list[str], count: int, code: str, expected: bool
) -> None:
    assert explains(sentences, count, code) is expected


def test_stories_and_texts_without_sections_are_summarized_without_embeddings() -> None:
    story = "\n\n".join(f"## {number}\n\n" + "\n\n".join(DIALOGUE) for number in range(4))
    assert evidence(story, 96, Refusing())
    assert evidence(REPORT.replace("## ", ""), 96, Refusing(), pages=PageMap())


@pytest.mark.parametrize(
    "sentence",
    [
        "The answer was a further write-off of £6.4m.",
        "The total cost was £1.9m.",
        "The cost of that was £1.9m.",
        "Of that improvement we owe half to luck.",
        "Even so our costs fell.",
        "Since November, at Port Averil, drivers do so.",
        "The year before it was £25.7m.",
        "Having made a profit at first, it lost half in March.",
        "Surcharges recovered £13.8m of that.",
        "We lost it in 2017.",
        "First, the crews are better.",
    ],
)
def test_what_needs_context(sentence: str) -> None:
    assert needs_context(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "The answer to the question of fuel is a contract.",
        "The cost of fuel was £1.9m.",
        "Sofia sold half of her shares.",
        "Android phones and iPhones are allowed.",
        "Having bought Dunmarrow, it lost half in March.",
        "We know that costs fell.",
        "The board recommends a dividend.",
        "The price fell to £3.",
        "The first ferry sailed in 1871.",
        "Second Street is closed.",
        "Still waters run deep.",
        "Instead of diesel the tugs burn gas.",
        "Note that the doors are shut.",
    ],
)
def test_what_needs_none(sentence: str) -> None:
    assert not needs_context(sentence)


def test_of_two_alike_the_one_that_needs_no_context_is_quoted() -> None:
    text = (
        "## Fuel\n\nEven so the tugs burned less diesel in the spring of 2019. The tugs burned less diesel in the "
        "spring of 2019 at last. It was so.\n\n## Crew\n\nThe tugs had more people in the spring of 2019 than in 2018."
    )
    assert summary(text, 18, About("tugs")) == ["The tugs burned less diesel in the spring of 2019 at last."]


MARKDOWN = """# Tool

<p align="center">A tool <b>for</b> harbours and the boats in them.</p>

The tool counts the boats of a harbour by their lights.

```sh
tool count --harbour alder   # Counts the boats of the harbour.
```

- **Fast.** It counts a hundred boats of a harbour in a second.
- The boats of a harbour
  however small are counted by the tool at night.

## Use

The tool asks for the name of the harbour and of its boats.
"""


def test_code_markup_and_the_marks_of_lists_are_left_out() -> None:
    chunk = Chunk("a.md", 0, 0, len(MARKDOWN), MARKDOWN)
    quotes = [it.citation.quote for it in sentences_of_chunks([chunk], {"a.md": sections(MARKDOWN)}, "en")]
    assert "The tool counts the boats of a harbour by their lights." in quotes
    assert "It counts a hundred boats of a harbour in a second." in quotes
    assert not any("tool count --harbour" in quote or "<p" in quote for quote in quotes)
    assert not any(quote.startswith(("- ", "* ", "** ")) for quote in quotes)
    for it in sentences_of_chunks([chunk], {}, "en"):
        assert MARKDOWN[it.citation.start : it.citation.end] == it.citation.quote
    assert "The boats of a harbour\n  however small are counted by the tool at night." in quotes
    assert not any("Fast" in quote for quote in quotes)


def test_a_list_is_not_reduced_to_its_introduction() -> None:
    text = "These are the rules.\n\n" + "\n".join(f"- No smoking in hall {number}" for number in range(9))
    quotes = [it.citation.quote for it in sentences_of_chunks([Chunk("a.md", 0, 0, len(text), text)], {}, "en")]
    assert len(quotes) == 10


def test_code_is_summarized_where_there_is_nothing_else() -> None:
    text = "```\nThe tool counts the boats of a harbour.\n```"
    assert sentences_of_chunks([Chunk("a.md", 0, 0, len(text), text)], {}, "en")


@pytest.mark.parametrize("cuts", [[], [9], [30, 60], [5, 14, 47, 80]])
def test_fences_are_found_in_pieces_that_overlap(cuts: list[int]) -> None:
    text = "Before.\n```sh\none\ntwo\n```\nBetween.\n~~~\nthree\n~~~\nAfter ``` inline.\n"
    starts = [0, *cuts]
    fences = CodeFences(
        [(max(0, a - 4), text[max(0, a - 4) : b]) for a, b in zip(starts, [*cuts, len(text)], strict=True)]
    )
    assert [
        word for word in ("Before", "one", "two", "Between", "three", "After") if fences.encloses(text.index(word))
    ] == [
        "one",
        "two",
        "three",
    ]


def test_an_odd_fence_encloses_nothing() -> None:
    assert not CodeFences([(0, "One.\n```\nTwo.\n")]).encloses(12)


def test_a_sentence_over_lines_is_quoted_whole() -> None:
    text = REPORT.replace(
        "Snow closed the road to Alder for", "Snow, of which there was more than ever, closed it\nfor"
    )
    assert any("closed it\nfor 3 days." in quote for quote in summary(text, 600, HashEmbeddings()))


def test_quotations_of_yearly_sections_tell_their_year() -> None:
    text = "\n\n".join(
        f"Report for the year {year}\n\nThe works made {year % 100}7,000 tonnes of paper. Snow closed the road to the "
        "works for some days."
        for year in (2018, 2019, 2020)
    )
    found = evidence(text, 160, HashEmbeddings(), pages=from_text(text).page_map)
    generator = ExtractiveGenerator(embeddings=HashEmbeddings())
    answer = generator.invoke(request(found, 160)).text
    assert [answer.count(f"({year}) The works made {year % 100}7,000") for year in (2018, 2019, 2020)] == [1, 1, 1]
    assert answer.count("(") == 3
    plain = [Evidence(it.source, it.start, it.end, it.text, it.score, part=it.part) for it in found]
    assert "(" not in generator.invoke(request(plain, 160)).text
