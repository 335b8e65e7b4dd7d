"""How much of what perfect clues would gain is gained: (pipeline - question alone) / (oracle - question alone)."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from memorag_graph.evaluation.jsonl_log import Line
from memorag_graph.evaluation.significance import LEVEL, RESAMPLES, Interval

ALONE, ORACLE = "hybrid", "oracle"
"""Pipelines that search with the question alone, and with the reference answer."""

SHARE = "share_of_oracle_gain"
"""Key of the share among a pipeline's results; 1 is as good as the oracle, below 0 is worse than the question alone."""

_METRIC = "evidence_recall"
_BATCH = 500


def gains(lines: Mapping[str, Sequence[Line]], seed: int) -> dict[str, Interval]:
    """Return the share of the oracle's gain for each other pipeline with clues; none without both reference pipelines.

    The interval is that of percentiles of a bootstrap over questions, resampled for all three pipelines at once; it is
    unknown where the oracle's own gain may be none.

    Args:
        lines: Outcomes by pipeline, for the same questions in the same order.
        seed: Seed of the resampling.
    """
    if ALONE not in lines or ORACLE not in lines:
        return {}
    found = {}
    for name, own in lines.items():
        if name != ORACLE and any(line["clues"] for line in own):
            values = _known([lines[ALONE], lines[ORACLE], own])
            if len(values) and (gain := _gain(values, seed)) is not None:
                found[name] = gain
    return found


def _known(outcomes: Sequence[Sequence[Line]]) -> NDArray[np.float64]:
    """Return the metric of the questions that all pipelines have it for, shape (questions, pipelines)."""
    rows = [[line["metrics"].get(_METRIC) for line in each] for each in zip(*outcomes, strict=True)]
    return np.array([row for row in rows if None not in row], dtype=np.float64).reshape(-1, len(outcomes))


def _gain(values: NDArray[np.float64], seed: int) -> Interval | None:
    """Return the share, or None where the oracle gains nothing."""
    alone, oracle, own = values.mean(axis=0)
    if oracle <= alone:
        return None
    random = np.random.default_rng(seed)
    shares = np.concatenate(
        [_shares(values, random, min(_BATCH, RESAMPLES - at)) for at in range(0, RESAMPLES, _BATCH)]
    )
    tail = (1 - LEVEL) / 2
    is_known = np.isfinite(shares).mean() > 1 - tail
    low, high = np.nanquantile(shares, [tail, 1 - tail]) if is_known else (None, None)
    share = float((own - alone) / (oracle - alone))
    return Interval(share, None if low is None else float(low), None if high is None else float(high), len(values))


def _shares(values: NDArray[np.float64], random: np.random.Generator, count: int) -> NDArray[np.float64]:
    """Return the share in each of some resamples; NaN where the oracle gains nothing."""
    picked = random.integers(len(values), size=(count, len(values)))
    alone, oracle, own = values[picked].mean(axis=1).T
    gain = np.where(oracle > alone, oracle - alone, np.nan)
    return np.asarray((own - alone) / gain, dtype=np.float64)
