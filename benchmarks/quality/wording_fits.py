"""Fit linear models of wording, and keep them in the package."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from memorag_graph.generation import wording_model

Matrix = NDArray[np.float64]

PENALTY = 300.0
"""Of the ridge regression with function words; chosen on QMSum's training meetings, as the next."""

SHORT_TURN = 3
"""Words; added to the length of what is said, so that turns such as "Right ." are not the best."""


def keep(models: Mapping[str, object]) -> None:
    """Write models into the package, beside those of other names."""
    file = Path(wording_model.__file__).with_name(wording_model.MODELS)
    kept = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    file.write_text(json.dumps(kept | dict(models), indent=1) + "\n", encoding="utf-8")


def as_model(fitted: Matrix, listed: list[str]) -> dict[str, object]:
    """Return a model as it is kept: intercept, weights of the features, and those of the function words listed."""
    rounded = [round(float(it), 4) for it in fitted]
    features = len(rounded) - len(listed)
    of_words = dict(zip(listed, rounded[features:], strict=True))
    return {"intercept": rounded[0], "weights": rounded[1:features], "function_words": of_words}


def ridge(features: Matrix, targets: Matrix, weights: Matrix, penalty: float) -> Matrix:
    """Return intercept and coefficients of a ridge regression."""
    from sklearn.linear_model import Ridge

    mean, deviation = features.mean(axis=0), features.std(axis=0) + 1e-9
    weights = weights * len(weights) / weights.sum()
    model = Ridge(penalty).fit((features - mean) / deviation, targets, sample_weight=weights)
    return unscaled(float(model.intercept_), model.coef_, mean, deviation)


def unscaled(intercept: float, coefficients: Matrix, mean: Matrix, deviation: Matrix) -> Matrix:
    """Return a model of scaled features as one of the features themselves."""
    own = coefficients / deviation
    return np.array([intercept - own @ mean, *own])
