"""What is used of bm25s, imported without JAX.

Where JAX is installed, importing bm25s runs a first operation in it, which takes seconds and claims three quarters of a
GPU's memory for good. NumPy sorts as well as is needed here.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def _without_jax() -> Iterator[None]:
    if "jax" in sys.modules:
        yield
        return
    sys.modules["jax"] = None  # type: ignore[assignment] # Python's way to say that there is none
    try:
        yield
    finally:
        del sys.modules["jax"]


with _without_jax():
    from bm25s import BM25, stopwords
    from bm25s.selection import topk

__all__ = ["BM25", "stopwords", "topk"]
