"""Rankings of chunks are fused by reciprocal ranks, after each hit has raised its neighbours."""

import itertools

import pytest

from memorag_graph.retrieval.chunk_index import Hit
from memorag_graph.retrieval.fusion import best_first, fuse, order
from memorag_graph.text.chunking import Chunk


def row(*documents: int) -> list[Chunk]:
    return [Chunk(str(document), document, at, at + 1, "x") for at, document in enumerate(documents)]


def hits(*chunks: int) -> list[Hit]:
    return [Hit(chunk, 1.0 - rank / 100) for rank, chunk in enumerate(chunks)]


def test_fusion_is_the_weighted_sum_of_reciprocal_ranks() -> None:
    fused = fuse([(1.0, [3, 1]), (0.25, [1]), (0.25, [3, 2])])
    assert fused == pytest.approx({3: 1 / 61 + 0.25 / 61, 1: 1 / 62 + 0.25 / 61, 2: 0.25 / 62})


def test_equal_scores_come_in_document_order() -> None:
    assert best_first({5: 0.5, 2: 0.5, 9: 0.7}) == [9, 2, 5]


@pytest.mark.parametrize("chunk_tokens", [64, 128, 200, 512, 2000])
def test_a_hit_raises_its_neighbours_less_the_farther_they_are_in_tokens(chunk_tokens: int) -> None:
    chunks, ranking = row(*[0] * 20), hits(4, 11, 5)
    raised = [
        sum(
            0.75 ** (abs(at - hit.chunk) * chunk_tokens / 128) / (4 + rank)
            for rank, hit in enumerate(ranking, 1)
            if abs(at - hit.chunk) * chunk_tokens <= 768
        )
        for at in range(20)
    ]
    expected = sorted((at for at in range(20) if raised[at]), key=lambda at: (-raised[at], at))
    assert order(ranking, chunks, chunk_tokens) == expected


def test_a_chunk_between_several_hits_rises_above_a_neighbour_of_one() -> None:
    ranked = order(hits(20, 3, 5), row(*[0] * 30), 128)
    assert ranked.index(4) < ranked.index(19)
    assert ranked[0] in (3, 4, 5, 20)


def test_scores_do_not_spread_across_documents() -> None:
    chunks = row(0, 0, 0, 1, 1, 1)
    assert set(order(hits(3), chunks, 128)) == {3, 4, 5}
    assert set(order(hits(2), chunks, 128)) == {0, 1, 2}


def test_only_ranks_count() -> None:
    chunks = row(*[0] * 8)
    near, far = [Hit(2, 0.1), Hit(6, 0.2)], [Hit(2, -3.0), Hit(6, 99.0)]  # distances and similarities alike
    assert order(near, chunks, 128) == order(far, chunks, 128)


def test_the_order_of_rankings_does_not_matter() -> None:
    rankings = [(1.0, [1, 2, 3]), (0.5, [3, 4]), (0.5, [9, 1])]
    orders = {tuple(best_first(fuse(turned))) for turned in itertools.permutations(rankings)}
    assert len(orders) == 1
