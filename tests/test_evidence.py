"""Evidence is the best of all rankings within its budget, whatever the quality of the clues."""

import random
from collections.abc import Mapping

import pytest

from memorag_graph.documents import NO_PAGES, Document, PageMap
from memorag_graph.retrieval.dense_index import FaissIndex
from memorag_graph.retrieval.fusion import best_first, fuse, order
from memorag_graph.retrieval.memory_index import MemoryIndex
from memorag_graph.retrieval.query import WEIGHTS, Query
from memorag_graph.retrieval.rerank import rerank
from memorag_graph.retrieval.retrieve import Search, _standing_out, retrieve
from memorag_graph.retrieval.selection import Selection, fit
from memorag_graph.settings import RunOptions
from memorag_graph.text.chunking import Chunk
from tests.conftest import TEXT, HashEmbeddings, split_documents, tiny_model

QUERIES = ["the harbour at Thorle", "lorries in 1999", "Captain Quill", "proud"]
SIZE = 64


def count(text: str) -> int:
    return len(text.split())


@pytest.fixture(scope="module")
def index() -> MemoryIndex:
    documents = [Document("a", TEXT), Document("b", TEXT.replace("ferry", "train").replace("Quill", "Pennyworth"))]
    return MemoryIndex.of(
        FaissIndex.from_chunks(split_documents(documents, tiny_model("llama"), SIZE), HashEmbeddings()), "en"
    )


def find(index: MemoryIndex, queries: list[Query], budget: int = 100, **how):
    search = Search(hits=how.pop("hits", 20), token_budget=budget, chunk_tokens=SIZE, **how)
    return retrieve(index, queries, search, count_tokens=count, language_code="en")


def places(evidence) -> set[tuple[str, int]]:
    return {(passage.source, passage.start) for passage in evidence}


def test_evidence_is_what_both_searches_rank_first_together(index: MemoryIndex) -> None:
    question = QUERIES[0]
    rankings = [order(ranked[0], index.chunks, SIZE) for ranked in (
        index.vectors.search([question], 20), index.keywords.search([question], 20)
    )]  # fmt: skip
    best = [index.chunks[chunk] for chunk in best_first(fuse((1.0, ranking) for ranking in rankings))]
    first = find(index, [Query("question", question)], budget=count(best[0].text))
    assert [(it.source, it.start, it.text) for it in first] == [(best[0].source, best[0].start, best[0].text)]


@pytest.mark.parametrize("at", [0, 17, 39])
def test_a_chunk_that_alone_holds_a_word_of_the_question_is_found_whatever_its_meaning(at: int) -> None:
    texts = [f"The rules on guests are decided by the board in year {number}." for number in range(40)]
    texts[at] += " They name zebras."
    chunks = [Chunk("a", 0, 100 * number, 100 * number + len(text), text) for number, text in enumerate(texts)]
    index = MemoryIndex.of(FaissIndex.from_chunks(chunks, HashEmbeddings()), "en")
    for question in ("What do the rules on guests and zebras say?", "zebras"):
        evidence = find(index, [Query("question", question)], budget=3 * count(texts[at]))
        assert texts[at] in [passage.text for passage in evidence]


def test_a_question_is_not_answered_by_words_that_say_how_to_answer() -> None:
    request = "They summarize a discussion, discuss the opinions, and describe a discussion of opinions."
    topic = "Here the goats of the island eat grass, and nothing else that is worth a word of this."
    texts = [request, *(f"Quay {number} is closed." for number in range(20)), topic]
    chunks = [Chunk("a", 0, 1000 * number, 1000 * number + len(text), text) for number, text in enumerate(texts)]
    index = MemoryIndex.of(FaissIndex.from_chunks(chunks, HashEmbeddings()), "en")
    asked = "Summarize the discussion, describe the opinions, and discuss what the goats eat"
    found = find(index, [Query("question", asked)], budget=count(topic))
    assert [passage.text for passage in found] == [topic]


def test_what_matches_a_little_better_or_a_clue_matches_alone_is_not_taken_first() -> None:
    texts = [f"The rules on guests are decided by the board in year {number}." for number in range(40)]
    texts[5] += " The board and the guests."
    texts[6] += " They name zebras."
    chunks = [Chunk("a", 0, 100 * number, 100 * number + len(text), text) for number, text in enumerate(texts)]
    index = MemoryIndex.of(FaissIndex.from_chunks(chunks, HashEmbeddings()), "en")

    def standing_out(*queries: Query) -> list[int]:
        assert index.keywords is not None
        return _standing_out(queries, index.keywords.search([query.text for query in queries], 20))

    assert standing_out(Query("question", "the board and the guests"), Query("span", "zebras")) == []
    assert standing_out(Query("question", "zebras")) == [6]


def test_words_are_searched_once_for_at_least_the_hits_that_show_what_stands_out() -> None:
    texts = [f"Quay {number} has zebras." for number in "abcdefgh"]
    chunks = [Chunk("a", 0, 1000 * number, 1000 * number + len(text), text) for number, text in enumerate(texts)]
    index = MemoryIndex.of(FaissIndex.from_chunks(chunks, HashEmbeddings()), "en")
    searched: list[int] = []
    search = index.keywords.search
    object.__setattr__(index.keywords, "search", lambda texts, hits: searched.append(hits) or search(texts, hits))
    evidence = find(index, [Query("question", "zebras of quay g")], budget=4, hits=2)
    assert [passage.text for passage in evidence] == [texts[6]]
    assert searched == [4]


def test_evidence_is_in_document_order_within_the_budget_and_names_its_queries(index: MemoryIndex) -> None:
    queries = [Query("question", QUERIES[0]), Query("span", QUERIES[1]), Query("draft", QUERIES[2])]
    evidence = find(index, queries)
    assert 80 < sum(count(passage.text) for passage in evidence) <= 100
    chunks = {(chunk.source, chunk.start): chunk for chunk in index.chunks}
    assert evidence == sorted(evidence, key=lambda passage: (passage.source, passage.start))
    for passage in evidence:
        assert chunks[passage.source, passage.start].text.startswith(passage.text)
        assert passage.queries
        assert set(passage.queries) <= set(queries)
    assert evidence == find(index, queries)


def test_a_passage_names_the_queries_that_have_it_among_their_first_ten(index: MemoryIndex) -> None:
    queries = [Query("question", "proud"), Query("span", "Captain Pennyworth"), Query("surrogate", "lorries")]
    own = {
        query: best_first(
            fuse(
                (1.0, order(search.search([query.text], 20)[0], index.chunks, SIZE))
                for search in (index.vectors, index.keywords)
            )
        )[:10]
        for query in queries
    }
    numbers = {(chunk.source, chunk.start): number for number, chunk in enumerate(index.chunks)}
    for passage in find(index, queries, budget=150):
        number = numbers[passage.source, passage.start]
        finders = sorted((own[query].index(number), queries.index(query)) for query in queries if number in own[query])
        if finders:
            assert list(passage.queries) == [queries[at] for _, at in finders]
        else:
            assert len(passage.queries) == 1


def test_clues_never_displace_what_the_question_finds_in_its_share(index: MemoryIndex) -> None:
    question = Query("question", QUERIES[0])
    for seed in range(20):
        words = random.Random(seed).sample(TEXT.split(), 40)
        clues = [Query(kind, " ".join(words[at : at + 8])) for at, kind in enumerate(("span", "surrogate", "draft"))]
        alone = find(index, [question], budget=60)
        together = find(index, [question, *clues], budget=120, weights=dict.fromkeys(WEIGHTS, 10.0))
        whole = {(chunk.source, chunk.start, chunk.text) for chunk in index.chunks}
        first = {(it.source, it.start, it.text) for it in alone} & whole
        assert first
        assert first <= {(it.source, it.start, it.text) for it in together}


def test_without_a_share_heavy_clues_decide(index: MemoryIndex) -> None:
    heavy = {**dict.fromkeys(WEIGHTS, 0.0), "span": 1.0}
    queries = [Query("question", QUERIES[0]), Query("span", QUERIES[2])]
    alone = find(index, [Query("question", QUERIES[2])])
    assert places(find(index, queries, weights=heavy, question_share=0.0)) == places(alone)


def test_the_order_of_clues_of_one_kind_does_not_matter(index: MemoryIndex) -> None:
    question, *clues = [Query("question", QUERIES[0]), *(Query("span", text) for text in QUERIES[1:])]
    assert places(find(index, [question, *clues])) == places(find(index, [question, *reversed(clues)]))


def test_repeated_clues_count_once(index: MemoryIndex) -> None:
    once = find(index, [Query("question", "harbour"), Query("span", "lorries")])
    assert find(index, [Query("question", "harbour"), *[Query("span", "lorries")] * 5]) == once


class ByLength:
    """Prefers short texts."""

    def order(self, question: str, texts: Mapping[int, str]) -> list[int]:
        return sorted(texts, key=lambda chunk: (len(texts[chunk]), chunk))


class Recording:
    """Records its calls and ranks by the number of shared words."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[int, str]]] = []

    def order(self, question: str, texts: Mapping[int, str]) -> list[int]:
        self.calls.append((question, dict(texts)))
        words = set(question.lower().split())
        return sorted(texts, key=lambda chunk: (-len(words & set(texts[chunk].lower().split())), chunk))


def test_a_reranker_decides_the_order(index: MemoryIndex) -> None:
    queries = [Query("question", QUERIES[0]), Query("span", QUERIES[1])]
    search = Search(hits=100, token_budget=10_000, chunk_tokens=SIZE)
    ranked = retrieve(index, queries, search, count_tokens=count, language_code="en")
    shortest = sorted(ranked, key=lambda it: len(it.text))
    (only, *_) = find(index, queries, budget=count(shortest[0].text), reranker=ByLength())
    assert len(only.text) == len(shortest[0].text)


def test_a_reranker_gets_the_question_and_the_best_fifty_chunks() -> None:
    texts = [f"The ferry number {number} carried lorries to quay {number * 7919 % 1000}." for number in range(120)]
    many = MemoryIndex.of(FaissIndex.from_chunks(pieces(*texts), HashEmbeddings()), "en")
    queries = [Query("span", "quay 919"), Query("question", "Which ferry carried lorries?"), Query("draft", "ferry 7")]
    recording = Recording()
    find(many, queries, hits=120, reranker=recording)
    ((question, candidates),) = recording.calls
    assert question == "Which ferry carried lorries?"
    wide = find(many, queries, budget=10**6, hits=120, question_share=0.0)
    best = sorted(wide, key=lambda passage: (-passage.score, passage.start))[:50]
    assert list(candidates.values()) == [passage.text for passage in best]


def test_every_point_of_an_outline_is_reranked_and_gets_its_first_choice(index: MemoryIndex) -> None:
    texts = [
        *(f"The ferry sailed at dawn on day {number} of the voyage." for number in range(6)),
        "Captain Quill retired to a cottage.",
        "The accounts show a small loss.",
    ]
    mixed = MemoryIndex.of(FaissIndex.from_chunks(pieces(*texts), HashEmbeddings()), "en")
    points = ["The ferry sailed at dawn", "Captain Quill retired", "accounts show a loss"]
    recording = Recording()
    found = find(mixed, [Query("outline", point) for point in points], budget=23, reranker=recording)
    assert [question for question, _ in recording.calls] == points
    assert [passage.text for passage in found] == [texts[0], *texts[6:]]


def test_queries_rank_candidates_by_their_best_place_and_ties_keep_the_candidates_order() -> None:
    orders = {"a": [1, 2, 3, 4], "b": [4, 3, 2, 1], "c": [3, 1]}

    class Fixed:
        def order(self, question: str, texts: Mapping[int, str]) -> list[int]:
            return orders[question]

    candidates = dict.fromkeys([4, 3, 2, 1, 5], "")
    points = [Query("outline", text) for text in orders]
    assert rerank(Fixed(), points, candidates) == [4, 3, 1, 2]
    assert rerank(Fixed(), points[::-1], candidates) == [4, 3, 1, 2]
    assert rerank(Fixed(), [*points, Query("question", "a")], candidates) == orders["a"]


def pieces(*texts: str) -> list[Chunk]:
    return [Chunk("a", 0, 100 * at, 100 * at + len(text), text) for at, text in enumerate(texts)]


def test_a_chunk_that_does_not_fit_is_cut_at_a_sentence() -> None:
    chunks = pieces("The ferry sailed at dawn. It carried forty lorries across the sound to Thorle.")
    selection = Selection(chunks, 8, count, "en")
    selection.take([0])
    assert selection.texts == {0: "The ferry sailed at dawn."}


def test_a_cut_counts_few_of_the_starts_of_a_chunk() -> None:
    sentences = [f"The ferry {number} sailed at dawn." for number in range(1000)]
    (chunk,) = pieces(" ".join(sentences))
    counted: list[int] = []

    def counting(text: str) -> int:
        counted.append(len(text))
        return count(text)

    assert fit(chunk, 3002, counting, "en") == " ".join(sentences[:500])
    assert sum(counted) < 20 * len(chunk.text)
    assert fit(chunk, 5, count, "en") == ""


def test_where_not_even_a_sentence_fits_the_first_chunk_is_cut_within_one() -> None:
    selection = Selection(pieces("The ferry sailed at dawn to Thorle.", "A dog."), 3, count, "en")
    selection.take([0, 1])
    assert selection.texts == {0: "The ferry sailed"} or selection.texts == {0: "The ferry sailed "}


def test_repeats_are_passed_over() -> None:
    same = "Captain Quill retired in 1999 after forty years aboard the northern ferries."
    chunks = pieces(same, same.replace("forty", "40"), same + "  ", "The harbour master kept a small brass telescope.")
    selection = Selection(chunks, 1000, count, "en")
    selection.take(range(4))
    assert set(selection.texts) == {0, 1, 3}


def test_a_share_leaves_the_rest_of_the_budget() -> None:
    chunks = pieces(*(f"{word * 5} one two three." for word in "abcdefgh"))
    selection = Selection(chunks, 16, count, "en")
    selection.take(range(8), share=0.5)
    assert sorted(selection.texts) == [0, 1]
    selection.take([7, 6, 5])
    assert sorted(selection.texts) == [0, 1, 6, 7]


def test_a_search_reads_the_options_of_a_run_and_keeps_the_other_weights() -> None:
    options = RunOptions(hits=7, evidence_tokens=900, question_share=0.5, query_weights={"span": 0.9})
    reranker = ByLength()
    search = Search.from_options(options, 64, reranker)
    assert (search.hits, search.token_budget, search.chunk_tokens, search.question_share) == (7, 900, 64, 0.5)
    assert search.weights == {**WEIGHTS, "span": 0.9}
    assert search.reranker is reranker


def test_clues_without_weight_are_not_searched_for(index: MemoryIndex) -> None:
    silent = {**dict.fromkeys(WEIGHTS, 0.0), "question": 1.0}
    question, clue = Query("question", QUERIES[0]), Query("draft", QUERIES[2])
    assert find(index, [question, clue], weights=silent, question_share=0.0) == find(index, [question])
    assert find(index, [question, clue], question_share=0.0) != find(index, [question])


def test_evidence_knows_the_pages_of_its_own_document(index: MemoryIndex) -> None:
    search = Search(hits=20, token_budget=400, chunk_tokens=SIZE)
    maps = {"b": PageMap(pages=((0, 6),))}
    found = retrieve(
        index, [Query("question", "Quill Pennyworth")], search, count_tokens=count, language_code="en", page_maps=maps
    )
    assert {(passage.source, passage.page_map) for passage in found} == {("a", NO_PAGES), ("b", maps["b"])}


def test_the_rest_of_a_divided_paragraph_comes_with_the_one_that_alone_holds_a_name() -> None:
    names = ["Alba", "Brown", "Caron", "Dover", "Ellis", "Frost", "Grant", "Hobbs", "Innes", "Joyce"]
    rest = "It sells a main product that is soap.\n\n"
    chunks: list[Chunk] = []
    for text in (text for name in names for text in (f"The firm {name} has works at the river.", rest)):
        start = chunks[-1].end + 1 if chunks else 0
        chunks.append(Chunk("a", 0, start, start + len(text), text))
    index = MemoryIndex.of(FaissIndex.from_chunks(chunks, HashEmbeddings()), "en")
    whole = 0
    for number, name in enumerate(names):
        found = {it.start for it in find(index, [Query("question", f"What main product does {name} sell?")], 30)}
        whole += {chunks[2 * number].start, chunks[2 * number + 1].start} <= found
    assert whole > len(names) // 2  # by rank alone, the rest of another firm's paragraph is as good
