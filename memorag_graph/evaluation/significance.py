"""Confidence intervals and p-values of means and of paired differences.

Intervals are bias-corrected and accelerated bootstrap intervals (Efron, "Better bootstrap confidence intervals", JASA
1987) over questions. P-values are those of Fisher's randomization test, which changes the signs of paired differences
at random (Smucker, Allan and Carterette, CIKM 2007). Both are scipy's, with a fixed seed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import bootstrap, permutation_test

RESAMPLES = 9_999
LEVEL = 0.95
_FEWEST = 2
_BATCH = 2_000


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean with its interval.

    Attributes:
        mean: The mean.
        low: Lower end of the 95 % interval; None for a single value.
        high: Upper end; None for a single value.
        n: Number of values.
    """

    mean: float
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True, slots=True)
class Difference(Interval):
    """A mean difference with its interval.

    Attributes:
        p: Probability of a mean difference at least as far from 0 if the pipelines did not differ; None for a single
            value.
    """

    p: float | None


def interval(values: Sequence[float], seed: int) -> Interval:
    """Return the mean of at least one value, with its interval."""
    sample = np.asarray(values, dtype=np.float64)
    mean = float(sample.mean())
    if len(sample) < _FEWEST:
        return Interval(mean, None, None, len(sample))
    if np.ptp(sample) == 0:  # all resamples are equal
        return Interval(mean, mean, mean, len(sample))
    found = bootstrap(
        (sample,),
        np.mean,
        n_resamples=RESAMPLES,
        batch=_BATCH,
        confidence_level=LEVEL,
        method="BCa",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return Interval(mean, float(found.low), float(found.high), len(sample))


def difference(values: Sequence[float], baseline: Sequence[float], seed: int) -> Difference:
    """Return the mean difference of paired values, with its interval and p-value."""
    differences = np.asarray(values, dtype=np.float64) - np.asarray(baseline, dtype=np.float64)
    found = interval(differences.tolist(), seed)
    return Difference(found.mean, found.low, found.high, found.n, _p_value(differences, seed))


def _p_value(differences: NDArray[np.float64], seed: int) -> float | None:
    if len(differences) < _FEWEST:
        return None
    if not differences.any():
        return 1.0

    def mean(sample: NDArray[np.float64], axis: int = -1) -> Any:  # noqa: ANN401 - a number or an array
        return sample.mean(axis=axis)

    result = permutation_test(
        (differences,),
        mean,
        permutation_type="samples",
        vectorized=True,
        n_resamples=RESAMPLES,
        batch=_BATCH,
        rng=np.random.default_rng(seed),
    )
    return float(result.pvalue)
