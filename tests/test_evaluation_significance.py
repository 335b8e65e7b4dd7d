"""Intervals and p-values against enumeration, an independent computation, and what they must do."""

from itertools import product

import numpy as np
import pytest
from scipy.stats import norm

from memorag_graph.evaluation.results import summarize
from memorag_graph.evaluation.significance import difference, interval

VALUES = np.random.default_rng(1).beta(0.6, 0.4, size=80)


def bca(sample: np.ndarray, resamples: int) -> tuple[float, float]:
    """Efron's interval, written out."""
    generator = np.random.default_rng(7)
    means = sample[generator.integers(0, len(sample), (resamples, len(sample)))].mean(axis=1)
    bias = norm.ppf((means < sample.mean()).mean() + (means == sample.mean()).mean() / 2)
    left_out = np.array([np.delete(sample, at).mean() for at in range(len(sample))])
    spread = left_out.mean() - left_out
    acceleration = (spread**3).sum() / (6 * (spread**2).sum() ** 1.5)

    def end(level: float) -> float:
        z = bias + norm.ppf(level)
        return float(np.quantile(means, norm.cdf(bias + z / (1 - acceleration * z))))

    return end(0.025), end(0.975)


def test_the_interval_is_efrons() -> None:
    found = interval(VALUES.tolist(), 0)
    low, high = bca(VALUES, 100_000)
    assert found.mean == pytest.approx(VALUES.mean())
    assert (found.low, found.high) == (pytest.approx(low, abs=3e-3), pytest.approx(high, abs=3e-3))
    assert found == interval(VALUES.tolist(), 0)


def test_the_p_value_enumerates_all_signs() -> None:
    values, baseline = [0.9, 0.8, 0.4, 0.7, 0.5, 0.9, 0.3], [0.5, 0.7, 0.5, 0.1, 0.45, 0.2, 0.05]
    differences = np.subtract(values, baseline)
    all_means = [float(np.mean(differences * signs)) for signs in product((1, -1), repeat=len(values))]
    extreme = sum(abs(mean) >= abs(differences.mean()) - 1e-12 for mean in all_means)
    found = difference(values, baseline, 0)
    assert found.mean == pytest.approx(differences.mean())
    assert found.p == pytest.approx(extreme / len(all_means))


def test_no_difference_and_a_sure_one() -> None:
    same = difference(VALUES.tolist(), VALUES.tolist(), 0)
    assert (same.mean, same.low, same.high, same.p) == (0, 0, 0, 1)
    noise = np.random.default_rng(2).normal(0.1, 0.05, size=80)
    sure = difference((VALUES + noise).tolist(), VALUES.tolist(), 0)
    assert sure.low is not None
    assert sure.low > 0
    assert sure.p is not None
    assert sure.p < 0.001
    wide = interval(VALUES.tolist(), 0)
    assert wide.high is not None
    assert wide.low is not None
    assert sure.high is not None
    assert sure.high - sure.low < (wide.high - wide.low) / 3  # pairs take out what the questions have in common


@pytest.mark.parametrize(("values", "low", "high"), [([0.3], None, None), ([1.0, 1.0, 1.0], 1.0, 1.0)])
def test_few_and_equal_values(values: list[float], low: float | None, high: float | None) -> None:
    found = interval(values, 0)
    assert (found.low, found.high, found.n) == (low, high, len(values))
    assert difference(values, [0.0] * len(values), 0).p in (None, pytest.approx(0.25))


def test_what_is_undefined_is_left_out_and_never_zero() -> None:
    lines = {
        "dense": [{"metrics": it} for it in ({"ndcg": 0.5}, {"ndcg": None}, {}, {"ndcg": 0.25})],
        "bm25": [{"metrics": it} for it in ({"ndcg": None}, {"ndcg": 0.75}, {}, {"ndcg": 0.5})],
        "closed_book": [{"metrics": {"ndcg": None}}] * 4,
    }
    found = summarize(lines, ["ndcg"], "dense", 0)
    assert (found["dense"]["ndcg"]["mean"], found["dense"]["ndcg"]["n"]) == (0.375, 2)
    assert (found["bm25"]["ndcg"]["mean"], found["bm25"]["ndcg"]["n"]) == (0.625, 2)
    assert found["bm25"]["ndcg"]["difference"] == {
        "baseline": "dense", "mean": 0.25, "low": None, "high": None, "n": 1, "p": None,
    }  # fmt: skip
    assert found["closed_book"] == {}
