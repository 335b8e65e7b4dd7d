"""Attention over parts of the keys, merged, is attention over all of them."""

from itertools import pairwise

import pytest
import torch
from torch import Tensor

from memorag_graph.inference.logsumexp_attention import masked, merge, partial_attention

SCALE = 0.25


def rows(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def exact(query: Tensor, key: Tensor, value: Tensor, *, causal: bool) -> tuple[Tensor, Tensor]:
    """Attend in float64, with all scores at once."""
    scores = query.double() @ key.double().transpose(-1, -2) * SCALE
    if causal:
        scores = scores.masked_fill(torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1), float("-inf"))
    return scores.softmax(-1) @ value.double(), scores.logsumexp(-1)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("queries", [1, 2, 64, 127, 128, 129, 300, 513])
def test_each_query_sees_the_keys_up_to_its_own(queries: int, dtype: torch.dtype) -> None:
    query, key, value = (rows(seed, 2, 3, queries, 16).to(dtype) for seed in range(3))
    expected = exact(query, key, value, causal=True)
    found = partial_attention(query, key, value, SCALE, causal=True)
    for part, whole in zip(found, expected, strict=True):
        torch.testing.assert_close(part.double(), whole, atol=3e-6 if dtype == torch.float32 else 2e-2, rtol=0)


@pytest.mark.parametrize("queries", [1, 9, 200])
@pytest.mark.parametrize("cuts", [[70], [1, 69], [10, 11, 12]])
def test_merged_parts_are_the_whole(queries: int, cuts: list[int]) -> None:
    query, key, value = (rows(seed, 1, 2, count, 16) for seed, count in enumerate((queries, 70, 70)))
    bounds = [0, *cuts, 70]
    parts = [
        partial_attention(query, key[:, :, start:stop], value[:, :, start:stop], SCALE)
        for start, stop in pairwise(bounds)
        if start < stop
    ]
    torch.testing.assert_close(merge(parts).double(), exact(query, key, value, causal=False)[0], atol=3e-6, rtol=0)


def test_a_mask_of_many_queries_is_cut_with_them(monkeypatch: pytest.MonkeyPatch) -> None:
    query, key, value = (rows(seed, 1, 2, 200, 16) for seed in range(3))
    later = masked(torch.ones(200, 200, dtype=torch.bool).triu(1))[None, None]
    monkeypatch.setattr("memorag_graph.inference.logsumexp_attention._BLOCK_SCORES", 30_000)  # 75 queries at a time
    found = partial_attention(query, key, value, SCALE, mask=later, fused=False)
    for part, whole in zip(found, exact(query, key, value, causal=True), strict=True):
        torch.testing.assert_close(part.double(), whole, atol=3e-6, rtol=0)
