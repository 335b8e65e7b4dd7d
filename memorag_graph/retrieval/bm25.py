"""Import bm25s without JAX.

If JAX is installed, bm25s runs an operation in it on import, which takes seconds and reserves three quarters of a GPU's
memory. NumPy is sufficient here.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def _without_jax() -> Iterator[None]:
    if "jax" in sys.modules:
        yield
        return
    sys.modules["jax"] = None  # type: ignore[assignment] # makes an import of it fail
    try:
        yield
    finally:
        del sys.modules["jax"]


with _without_jax():
    from bm25s import BM25, stopwords
    from bm25s.selection import topk

__all__ = ["BM25", "stopwords", "topk"]
