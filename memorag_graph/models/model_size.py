"""Tell small models, which are often wrong, from others."""

SMALL = 400e6
"""Parameters, without embeddings, below which a model is often wrong; the embedded one has 0.1e9."""


def is_small(parameters: float) -> bool:
    """Return whether a model with so many parameters is small; 0, for a model whose size is not known, is not."""
    return 0 < parameters < SMALL
