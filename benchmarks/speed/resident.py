"""Measure the RAM that opening a memory and answering takes in addition to the models.

Peak RAM is reset after a first answer over another text, so that loading the models is not counted.

    resident.py MEMORY_DIR SCRATCH_DIR
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

from stages import resident_mb

from memorag_graph.graph import build_graph
from memorag_graph.models.embedded import EMBEDDED
from memorag_graph.models.loading import silence_libraries
from memorag_graph.registry import Registry
from memorag_graph.settings import RunOptions
from memorag_graph.state import GraphInput

QUESTIONS = ("What was decided?", "Who disagreed, and for which reason?", "How many people were carried?")
_MB = 1e6


def peak_mb() -> float:
    """Return the peak RAM of this process since the last reset."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) * 1024 / _MB


def main() -> None:
    """Print the measurements as JSON."""
    silence_libraries()
    directory = Path(sys.argv[1])
    registry, options = Registry(), RunOptions(model=EMBEDDED, dtype="float32", use_memory_answer=True)
    model = registry.models.memory_model(EMBEDDED, options)
    registry.models.embeddings(EMBEDDED).embed_documents([question * 20 for question in QUESTIONS])
    graph = build_graph(registry)
    text = "The ferry carried people and lorries. " * 60
    graph.invoke(GraphInput(context=text, query=QUESTIONS[0], save_dir=sys.argv[2]), context=options)
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    models = resident_mb()
    for question in QUESTIONS:
        graph.invoke(GraphInput(memory_id=str(directory), query=question), context=options)
    memory = registry.open(str(directory), options).memory
    index = sum((directory / name).stat().st_size for name in ("index.bin", "keywords.bin", "chunks.json"))
    found: dict[str, Any] = {
        "models_mb": round(models, 1),
        "peak_mb": round(peak_mb(), 1),
        "keys_and_values_mb": round(memory.nbytes / _MB, 1),
        "index_mb": round(index / _MB, 1),
        "memory_tokens": memory.memory_tokens,
        "device": model.device,
    }
    found["share_of_keys_and_values"] = round(
        (found["peak_mb"] - found["models_mb"] - found["index_mb"]) / found["keys_and_values_mb"], 3
    )
    print(json.dumps(found))


if __name__ == "__main__":
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    main()
