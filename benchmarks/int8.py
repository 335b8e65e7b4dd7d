"""What 8-bit weights are worth for decoding on a CPU: fidelity, and the time of a step beside exact weights.

python benchmarks/int8.py
"""

import statistics
import time

import torch
from common import DOCUMENT, agreement, write_result
from torch import Tensor

from memorag_graph.cli.run import quiet
from memorag_graph.kv.branch import open_branch
from memorag_graph.kv.prefix import KVPrefix
from memorag_graph.models.loading import ModelSource, load_language_model
from memorag_graph.models.threads import compute

REMEMBERED = 1500
POSITIONS = 500
REPEATS = 30


def measure(dtype: str) -> dict[str, object]:
    model = load_language_model(ModelSource("embedded", dtype=dtype, int8_decode=True))
    tokens = model.encode(DOCUMENT.read_text(encoding="utf-8"))
    reader = open_branch(model.model, [None], REMEMBERED)
    reader.prefill(0, tokens[:REMEMBERED])
    prefix = reader.prefix()
    scores = {int8: _scores(model.model, prefix, tokens[REMEMBERED:], int8=int8) for int8 in (False, True)}
    times: dict[str, list[float]] = {}
    for _ in range(REPEATS):
        for rows in (1, 3, 4):
            for int8 in (False, True):
                branch = open_branch(model.model, [prefix] * rows, 64, int8=int8)
                branch.step([5] * rows)
                began = time.perf_counter()
                branch.step([5] * rows)
                name = f"{rows} rows, {'int8' if int8 else 'exact'}"
                times.setdefault(name, []).append(time.perf_counter() - began)
    medians = {name: round(1000 * statistics.median(found), 1) for name, found in times.items()}
    return {"step_ms": medians, "fidelity": agreement(scores[True], scores[False])}


def _scores(model: torch.nn.Module, prefix: KVPrefix, tokens: list[int], *, int8: bool) -> Tensor:
    branch = open_branch(model, [prefix] * 4, POSITIONS, int8=int8)
    columns = [tokens[start : start + POSITIONS] for start in range(0, 4 * POSITIONS, POSITIONS)]
    return torch.cat([branch.step(column).log_softmax(-1) for column in zip(*columns, strict=True)])


def main() -> None:
    quiet()
    device = torch.device("cpu")
    write_result(
        "int8", {dtype: compute(device, lambda dtype=dtype: measure(dtype)) for dtype in ("float32", "bfloat16")}
    )


if __name__ == "__main__":
    main()
