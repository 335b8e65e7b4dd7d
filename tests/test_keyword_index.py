"""Keyword search equals BM25 written out, in any script, and survives saving and loading."""

import math
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from memorag_graph.documents import Document
from memorag_graph.errors import MemoryFileError
from memorag_graph.retrieval.dense_index import FaissIndex
from memorag_graph.retrieval.keyword_index import KeywordIndex, chunk_terms, query_pairs, term_pairs
from memorag_graph.retrieval.memory_index import MemoryIndex
from memorag_graph.retrieval.no_index import NoIndex
from memorag_graph.retrieval.terms import terms
from memorag_graph.text.chunking import Chunk
from tests.conftest import TEXT, HashEmbeddings, split_documents, tiny_model

QUERIES = ["the harbour at Thorle", "lorries in 1999", "Captain Quill", "the of and", "zyzzyva", ""]


def pieces(*texts: str) -> list[Chunk]:
    return [Chunk("a", 0, 0, len(text), text) for text in texts]


@pytest.fixture(scope="module")
def chunks() -> list[Chunk]:
    return split_documents([Document("a", TEXT)], tiny_model("llama"), 64)


def bm25(query: str, chunks: list[Chunk]) -> list[float]:
    """Lucene's BM25 with k1 = 1.5 and b = 0.75, from its formula."""
    counts = [Counter(terms(chunk.text, "en")) for chunk in chunks]
    mean = sum(count.total() for count in counts) / len(counts)
    scores = [0.0] * len(chunks)
    for term in terms(query, "en"):
        holders = sum(term in count for count in counts)
        idf = math.log(1 + (len(chunks) - holders + 0.5) / (holders + 0.5))
        for at, count in enumerate(counts):
            scores[at] += idf * count[term] / (count[term] + 1.5 * (0.25 + 0.75 * count.total() / mean))
    return scores


@pytest.mark.parametrize("query", QUERIES)
def test_scores_are_those_of_the_formula(query: str, chunks: list[Chunk]) -> None:
    scores = KeywordIndex.from_chunks(chunks, "en").scores(query)
    np.testing.assert_allclose(scores, bm25(query, chunks), rtol=1e-5)


@pytest.mark.parametrize("query", QUERIES)
def test_a_search_sorts_the_scores_and_leaves_out_chunks_without_a_shared_word(query: str, chunks: list[Chunk]) -> None:
    index = KeywordIndex.from_chunks(chunks, "en")
    scores = index.scores(query)
    expected = sorted((at for at in range(len(chunks)) if scores[at] > 0), key=lambda at: (-scores[at], at))
    (found,) = index.search([query], 5)
    assert [hit.chunk for hit in found] == expected[:5]


def test_inflected_words_and_scripts_without_spaces_are_found() -> None:
    english = KeywordIndex.from_chunks(pieces("A ship sails.", "They carried lorries.", "No more."), "en")
    assert [hit.chunk for hit in english.search(["which lorry was carried"], 3)[0]] == [1]
    chinese = KeywordIndex.from_chunks(pieces("渡轮运送了许多卡车。", "船长退休了。"), "zh")
    assert [hit.chunk for hit in chinese.search(["卡车有多少"], 3)[0]] == [0]


def test_words_with_vowel_signs_and_scripts_without_spaces_are_terms() -> None:
    assert terms("समुद्र हिन्दी", "xx") == ["समुद्र", "हिन्दी"]
    assert terms("ทะเลลึก", "th") == ["ทะ", "ะเ", "เล", "ลลึ", "ลึก", "ทะเล", "ลึก"]
    thai = KeywordIndex.from_chunks(pieces("เรือแล่นไปในทะเล", "กัปตันเกษียณแล้ว"), "th")
    assert [hit.chunk for hit in thai.search(["กัปตันอยู่ไหน"], 1)[0]] == [1]
    hindi = KeywordIndex.from_chunks(pieces("जहाज समुद्र में चला", "कप्तान सेवानिवृत्त हुआ"), "hi")
    assert [hit.chunk for hit in hindi.search(["समुद्र"], 1)[0]] == [0]


def test_a_language_without_stemmer_or_stop_words_is_searched_word_by_word() -> None:
    index = KeywordIndex.from_chunks(pieces("mti mkubwa", "maji baridi"), "sw")
    assert [hit.chunk for hit in index.search(["maji"], 3)[0]] == [1]


def test_texts_without_any_term_are_indexed() -> None:
    assert KeywordIndex.from_chunks(pieces("?", "!"), "en").search(["what", "?"], 3) == [[], []]


def test_a_loaded_index_is_the_saved_one(chunks: list[Chunk], tmp_path: Path) -> None:
    index = KeywordIndex.from_chunks(chunks, "en")
    index.save(tmp_path / "first")
    KeywordIndex.from_chunks(chunks, "en").save(tmp_path / "second")
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()
    assert KeywordIndex.load(tmp_path / "first", chunks, "en").search(QUERIES, 5) == index.search(QUERIES, 5)


def test_a_file_that_does_not_fit_or_is_damaged_is_refused(chunks: list[Chunk], tmp_path: Path) -> None:
    path = tmp_path / "keywords.bin"
    KeywordIndex.from_chunks(chunks, "en").save(path)
    with pytest.raises(MemoryFileError, match="texts for"):
        KeywordIndex.load(path, chunks[1:], "en")
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(MemoryFileError, match=r"keywords.bin is damaged"):
        KeywordIndex.load(path, chunks, "en")


def test_a_memory_without_an_index_has_no_words_either(chunks: list[Chunk]) -> None:
    assert MemoryIndex.of(NoIndex(chunks), "en").keywords is None
    assert MemoryIndex.of(FaissIndex.from_chunks(chunks, HashEmbeddings()), "en").keywords is not None


def test_search_by_words_leaves_jax_alone(tmp_path: Path) -> None:
    """JAX would claim most of a GPU's memory."""
    (tmp_path / "jax").mkdir()
    (tmp_path / "jax" / "__init__.py").write_text("raise SystemExit('JAX was imported')")
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from memorag_graph.retrieval.terms import terms\n"
        "from memorag_graph.retrieval.keyword_index import KeywordIndex\n"
        "assert 'jax' not in sys.modules and terms('the ferries', 'en') == ['ferri']\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)


def test_an_index_of_a_querys_terms_scores_it_as_the_whole_one() -> None:
    texts = [f"Boat {number} carries {'fish ' * (number % 4)}and the mayor of Thorle " * 3 for number in range(20)]
    chunks = [Chunk("a", 0, 0, len(text), text) for text in texts]
    terms_of = [chunk_terms(text, "harbour", "en") for text in texts]
    query = "Which boats carry fish to the harbour?"
    whole, part = (KeywordIndex.from_terms(chunks, "en", terms_of, query=it) for it in (None, query))
    for asked in (query, "fish", "harbour boats"):
        assert (part.scores(asked) == whole.scores(asked)).all()
        assert part.scores(asked).any()
        assert part.rarity(asked) == whole.rarity(asked)
        assert part.share_known(asked) == whole.share_known(asked)


def test_a_german_genitive_finds_its_name() -> None:
    index = KeywordIndex.from_chunks(pieces("Otto wohnt in Ulm.", "Eva wohnt in Jena.", "Der Fluss ist breit."), "de")
    assert [hit.chunk for hit in index.search(["Wo ist Evas Wohnung?"], 3)[0]] == [1]


def test_pairs_are_of_neighbouring_terms_of_the_text_and_in_its_order() -> None:
    index = KeywordIndex.from_terms(
        [Chunk("text", 0, 0, 1, "a"), Chunk("text", 0, 1, 2, "b")],
        "en",
        [term_pairs(chunk_terms(it, "red harbour", "en")) for it in ("red ferry at sea", "ferry red at sea")],
    )
    known = set(index._bm25.vocab_dict)
    assert set(query_pairs("Red ferry?", "en")) <= known
    assert set(query_pairs("ferry red", "en")) <= known
    assert not set(query_pairs("red harbour", "en")) & known
    assert query_pairs("ferry", "en") == []
