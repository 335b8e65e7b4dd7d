"""Scores of sentences equal a plain computation and rank as intended."""

import math
import random
from itertools import pairwise

import numpy as np
import pytest

from memorag_graph.generation.answer import Citation
from memorag_graph.generation.quotable_sentences import is_quotable, sentences_of
from memorag_graph.generation.sentence_scores import (
    CLUES,
    MEANING_BESIDE,
    WORDS,
    WORDS_AROUND,
    SentenceScores,
    descending,
    distinct,
    score_sentences,
)
from memorag_graph.retrieval.keyword_index import KeywordIndex
from memorag_graph.retrieval.retrieve import Evidence
from memorag_graph.retrieval.terms import terms
from tests.test_generation import CHUNKS, EVIDENCE

KEYWORDS = KeywordIndex.from_chunks(CHUNKS, "en")


def quotes(*texts: str, apart: int = 1) -> list[Citation]:
    """Consecutive sentences, ``apart`` characters from each other."""
    found, start = [], 0
    for text in texts:
        found.append(Citation(1, "a", start, start + len(text), text))
        start += len(text) + apart
    return found


def scored(sentences: list[Citation], question: str, clues: tuple[str, ...] = ()) -> SentenceScores:
    return score_sentences(sentences, np.zeros(len(sentences), np.float32), question, clues, {}, "en")


def plain_share(words: set[str], wanted: list[str], weight: dict[str, float]) -> float:
    total = sum(weight[term] for term in wanted)
    return sum(weight[term] for term in wanted if term in words) / total if total else 0.0


def plain_scores(sentences: list[Citation], meaning: list[float], question: str, clues: list[str]) -> list[float]:
    """The score of each sentence, computed one by one from its definition."""
    held = [set(terms(sentence.quote, "en")) for sentence in sentences]

    def among(term: str) -> float:
        count = sum(term in words for words in held)
        return math.log(1 + (len(held) - count + 0.5) / (count + 0.5))

    wanted = sorted(set(terms(question, "en")))
    rarity = KEYWORDS.rarity(question)
    weight = {term: among(term) * rarity[term] for term in wanted}
    totals = []
    for at, sentence in enumerate(sentences):
        beside = [
            other
            for other, it in enumerate(sentences)
            if abs(other - at) == 1 and min(abs(it.start - sentence.end), abs(sentence.start - it.end)) <= 8
        ]
        around = held[at].union(*(held[other] for other in beside))
        overlaps = [0.0]
        for clue in clues:
            said = sorted(set(terms(clue, "en")))
            overlaps.append(plain_share(held[at], said, {term: among(term) for term in said}))
        totals.append(
            meaning[at]
            + WORDS * plain_share(held[at], wanted, weight)
            + WORDS_AROUND * plain_share(around, wanted, weight)
            + MEANING_BESIDE * max([meaning[other] for other in beside], default=0.0)
            + CLUES * max(overlaps)
        )
    return totals


@pytest.mark.parametrize("seed", range(5))
def test_scores_equal_a_plain_computation(seed: int) -> None:
    picked = random.Random(seed)
    evidence = [EVIDENCE[0], EVIDENCE[2]] if seed % 2 else EVIDENCE
    sentences = sentences_of(evidence, "en")
    meaning = [picked.uniform(-0.2, 0.9) for _ in sentences]
    question = "Which captain was proud of the harbour at Inshay in 1993, and how many lorries were there?"
    clues = ["Captain Kemp was proud.", "lorries and people"][: seed % 3]
    scores = score_sentences(sentences, np.array(meaning, np.float32), question, clues, KEYWORDS.rarity(question), "en")
    assert scores.total == pytest.approx(plain_scores(sentences, meaning, question, clues), abs=1e-5)


def test_words_of_every_sentence_do_not_decide() -> None:
    sentences = quotes(
        "The plain maskray is a species of the plain maskray family.",
        "The plain maskray is found near the plain coast.",
        "Its tail is short and has two stings.",
        "The plain maskray hunts at night.",
    )
    assert descending(scored(sentences, "What is the tail of the plain maskray like?").total)[0] == 2


def test_a_neighbour_that_names_the_subject_counts() -> None:
    texts = ("The harbour of Thorle was rebuilt.", "It cost nine million pounds.", "It cost nine million pounds.")
    near = scored(quotes(*texts), "What did the harbour of Thorle cost?").total
    assert near[1] > near[2]
    apart = scored(quotes(*texts, apart=99), "What did the harbour of Thorle cost?").total
    assert apart[1] == apart[2]


def test_clues_settle_ties_and_no_more() -> None:
    sentences = quotes("The ferry sailed in May.", "The ferry sailed in June.", "A tram stopped.", apart=99)
    without = scored(sentences, "When did the ferry sail?").total
    assert without[0] == without[1] > without[2]
    with_clues = scored(sentences, "When did the ferry sail?", ("It was in June.", "A tram stopped.")).total
    assert descending(with_clues) == [1, 0, 2]


def test_repeats_are_left_out_and_equal_scores_keep_the_order_of_the_document() -> None:
    sentences = quotes("The ferry sailed in May.", "The ferry  sailed, in May!", "Trams stopped running.")
    assert descending(np.zeros(3, np.float32)) == [0, 1, 2]
    assert distinct([0, 1, 2], sentences, 2) == [0, 2]


def test_a_question_without_words_is_decided_by_meaning() -> None:
    scores = score_sentences(quotes("One.", "Two."), np.array([0.1, 0.2], np.float32), "?", [], {}, "en")
    assert descending(scores.total) == [1, 0]


def test_headings_and_scraps_are_not_quoted_but_rows_of_tables_are() -> None:
    text = "Operating results of the year\n\noperating profit | 1083 | 1063\n\nYes.\n\nIt sailed.\n\n14."
    sentences = [it.quote for it in sentences_of([Evidence("a", 0, len(text), text, 1.0)], "en")]
    assert len(sentences) == 5
    assert [text for text in sentences if is_quotable(text)] == ["operating profit | 1083 | 1063"]


@pytest.mark.parametrize("joint", [", and then ", " ", "，"])
def test_a_long_sentence_is_cut_into_pieces_that_stand_in_the_text(joint: str) -> None:
    text = joint.join(f"the ferry number{number}carried" for number in range(90)) + "."
    pieces = sentences_of([Evidence("a", 100, 100 + len(text), text, 1.0)], "en")
    assert all(text[it.start - 100 : it.end - 100] == it.quote for it in pieces)
    assert all(len(it.quote) <= 480 for it in pieces)
    assert len(pieces) > 3
    between = [text[a.end - 100 : b.start - 100] for a, b in pairwise(pieces)]
    assert not "".join(between).strip()
    assert (pieces[0].start, pieces[-1].end) == (100, 100 + len(text))


def test_a_term_weighs_more_the_fewer_chunks_hold_it() -> None:
    counts = {term: sum(term in terms(chunk.text, "en") for chunk in CHUNKS) for term in ("ferri", "thorl", "moon")}
    weights = KEYWORDS.rarity("ferry Thorle moon")
    assert sorted(counts, key=counts.__getitem__) == sorted(weights, key=weights.__getitem__, reverse=True)
    assert all(
        weights[term] == pytest.approx(math.log(1 + (len(CHUNKS) - n + 0.5) / (n + 0.5))) for term, n in counts.items()
    )
