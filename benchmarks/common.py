"""What the benchmarks share: results with the machine and versions they came from."""

import json
import platform
import resource
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).parent.parent
DOCUMENT = ROOT / "examples" / "skerrow_letters.txt"
QUESTIONS = ROOT / "examples" / "questions.jsonl"


def write_result(name: str, result: dict[str, Any]) -> None:
    """Print a result and keep it as JSON under results/."""
    described = {
        **result,
        "machine": {
            "processor": platform.machine(),
            "cores": torch.get_num_threads(),
            "python": sys.version.split()[0],
            "versions": {name: version(name) for name in ("torch", "transformers", "langgraph", "memorag-graph")},
            "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        },
    }
    path = ROOT / "benchmarks" / "results" / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(described, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(json.dumps(described, ensure_ascii=False))
