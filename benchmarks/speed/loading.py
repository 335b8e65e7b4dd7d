"""Time loading a saved memory in a new process; libraries are imported before timing starts.

The original's stage imports nothing from this package, so that it runs in the original's environment.
"""

import copy
import time
from pathlib import Path
from typing import Any

from stages import serve


def package(place: str, check: str) -> dict[str, Any]:
    """Load a memory as this package does."""
    from langchain_core.embeddings import DeterministicFakeEmbedding

    from memorag_graph.memory.storage.memory_files import load_memory

    embeddings = DeterministicFakeEmbedding(size=1)  # no query is embedded here
    began = time.perf_counter()
    load_memory(Path(place), embeddings, check=check)  # type: ignore[arg-type]
    return {"seconds": time.perf_counter() - began}


def original(place: str) -> dict[str, Any]:
    """Load a cache as the original does, including the copy that it makes for a question."""
    import torch
    import transformers  # noqa: F401 - the cache's class

    began = time.perf_counter()
    copy.deepcopy(torch.load(place, weights_only=False))
    return {"seconds": time.perf_counter() - began}


if __name__ == "__main__":
    serve({"package": package, "original": original})
