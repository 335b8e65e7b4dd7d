"""The ranking by meaning counts as much as the embedding model reads of a text."""

from functools import partial

import numpy as np
import pytest
from langchain_core.embeddings import Embeddings

from memorag_graph.retrieval.dense_index import FaissIndex, embed, embed_queries
from memorag_graph.retrieval.embedding_fit import meaning_weight
from memorag_graph.retrieval.fusion import add_halves
from memorag_graph.retrieval.memory_index import MemoryIndex
from memorag_graph.retrieval.query import Query
from memorag_graph.retrieval.retrieve import Search, retrieve
from memorag_graph.text.chunking import Chunk
from memorag_graph.text.english import ENGLISH
from tests.conftest import HashEmbeddings

GREEK = str.maketrans("abcdefghijklmnopqrstuvwxyz", "αβγδεζηθικλμνξοπρστυφχψωςϛ")


class ReadsLatin(HashEmbeddings):
    """Reads Latin words; of other letters it sees only how many there are. All vectors lean to one side."""

    def __init__(self, lean: float = 0.0) -> None:
        super().__init__()
        self._lean = lean

    def embed_query(self, text: str) -> list[float]:
        latin = " ".join(word for word in text.split() if word.isascii())
        vector = np.array(super().embed_query(latin))
        vector[0] += sum(not character.isascii() for character in text)
        return list(vector + self._lean)


def chunks(*texts: str, document: int = 0) -> list[Chunk]:
    return [Chunk(str(document), document, 1000 * at, 1000 * at + len(it), it) for at, it in enumerate(texts)]


def in_greek(text: str) -> str:
    return text.lower().translate(GREEK)


@pytest.mark.parametrize("lean", [0.0, 3.0])
def test_a_text_that_the_model_reads_has_full_weight_and_one_it_does_not_read_hardly_any(lean: float) -> None:
    model = partial(embed, ReadsLatin(lean))
    foreign = chunks(*map(in_greek, ENGLISH))
    assert meaning_weight(model, chunks(*ENGLISH)) == 1.0
    assert meaning_weight(model, foreign) == 0.02
    half = chunks(*(f"{latin} {other}" for latin, other in zip(ENGLISH, map(in_greek, ENGLISH), strict=True)))
    assert 0.02 <= meaning_weight(model, half) < 1.0


def test_texts_that_are_short_or_without_letters_have_a_weight() -> None:
    for texts in (["x"], ["12 34"], ["?!"], ["word", ""]):
        assert 0.02 <= meaning_weight(partial(embed, ReadsLatin()), chunks(*texts)) <= 1.0


def test_each_document_has_the_weight_of_its_language() -> None:
    mixed = [*chunks(*ENGLISH, document=0), *chunks(*map(in_greek, ENGLISH), document=1)]
    index = MemoryIndex.of(FaissIndex.from_chunks(mixed, ReadsLatin()), "en")
    assert index.meaning_weights == {0: 1.0, 1: 0.02}


def test_a_half_that_reads_nothing_does_not_pull_the_other_down() -> None:
    """Each question's words find its passage first; so does the fusion, wherever the model's ranking puts it."""
    foreign = chunks(*map(in_greek, ENGLISH))
    index = MemoryIndex.of(FaissIndex.from_chunks(foreign, ReadsLatin()), "el")
    for chunk in foreign:
        search = Search(hits=8, token_budget=len(chunk.text.split()), chunk_tokens=2000)
        question = Query("question", " ".join(chunk.text.split()[3:8]))
        (first,) = retrieve(index, [question], search, count_tokens=lambda text: len(text.split()), language_code="el")
        assert first.text == chunk.text


def test_what_shares_no_word_is_still_ranked_by_meaning() -> None:
    foreign = chunks(*map(in_greek, ENGLISH))
    index = MemoryIndex.of(FaissIndex.from_chunks(foreign, ReadsLatin()), "el")
    search = Search(hits=8, token_budget=1000, chunk_tokens=2000)
    found = retrieve(index, [Query("question", "ferry")], search, count_tokens=len, language_code="el")
    assert found


def test_weights_of_a_chunk_add_up_to_two_and_equal_ones_change_nothing() -> None:
    by_meaning, by_words = {1: 0.5, 2: 0.25}, {2: 0.5, 3: 0.125}
    assert add_halves(by_meaning, by_words, lambda _: 1.0) == {1: 0.5, 2: 0.75, 3: 0.125}
    assert add_halves({1: 1.0}, {1: 1.0}, lambda _: 0.25) == pytest.approx({1: 2.0})
    assert add_halves(by_meaning, by_words, lambda chunk: 0.0 if chunk == 2 else 1.0)[2] == pytest.approx(1.0)


class Asymmetric(HashEmbeddings):
    """Embeds queries unlike passages, as E5 does with its prefixes."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [HashEmbeddings.embed_query(self, f"passage {text}") for text in texts]

    def embed_query(self, text: str) -> list[float]:
        return super().embed_query(f"query {text}")


@pytest.mark.parametrize("model", [HashEmbeddings(), Asymmetric()])
def test_questions_are_embedded_as_queries_and_passages_as_passages(model: Embeddings) -> None:
    texts = chunks(*ENGLISH)
    index = MemoryIndex.of(FaissIndex.from_chunks(texts, model), "en")
    question = "When was the ferry cancelled?"
    passages = np.array(model.embed_documents([chunk.text for chunk in texts]))
    query = np.array(model.embed_query(question))
    cosines = passages @ query / np.linalg.norm(passages, axis=1) / np.linalg.norm(query)
    (hits,) = index.vectors.search([question], len(texts))
    assert [hit.score for hit in hits] == pytest.approx(sorted(cosines, reverse=True), abs=1e-5)
    nearest, (other,) = index.nearness(question, [texts[3].text])
    assert (nearest, other) == pytest.approx((max(cosines), cosines[3]), abs=1e-5)
    assert np.linalg.norm(embed_queries(model, [question])) == pytest.approx(1.0)
