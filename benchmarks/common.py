"""Helpers shared by the benchmarks: write results with machine and versions, build memories, compare logits."""

import json
import os
import platform
import resource
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from memorag_graph.documents import Document
from memorag_graph.inference.decode_session import open_session
from memorag_graph.kv.prefix import KVPrefix
from memorag_graph.memory.backends.local import LocalMemoryModel
from memorag_graph.memory.build.builder import Built, Recipe
from memorag_graph.memory.kv_memory import Identity
from memorag_graph.prompts import Prompts
from memorag_graph.settings import MemorySettings
from memorag_graph.text.languages import language

ROOT = Path(__file__).parent.parent
DOCUMENT = ROOT / "examples" / "skerrow_letters.txt"
QUESTIONS = ROOT / "examples" / "questions.jsonl"
RESULTS = ROOT / "benchmarks" / "results"


def write_result(name: str, result: dict[str, Any], directory: Path = RESULTS) -> None:
    """Print a result and write it as JSON, under results/ or in another directory."""
    described = {
        **result,
        "machine": {
            "processor": platform.machine(),
            "cores": os.cpu_count(),
            "python": sys.version.split()[0],
            "versions": {name: version(name) for name in ("torch", "transformers", "langgraph", "memorag-graph")},
            "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        },
    }
    path = directory / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(described, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(json.dumps(described, ensure_ascii=False))


def build(model: LocalMemoryModel, text: str, settings: MemorySettings, embedding_model: str = "") -> Built:
    """Build the memory of an English text."""
    identity = Identity.of(model.language_model, embedding_model)
    return model.build([Document("text", text)], Recipe(Prompts(language("en")), settings, identity))


def next_token_scores(model: PreTrainedModel, prefix: KVPrefix, texts: Sequence[Sequence[int]]) -> Tensor:
    """Continue a prefix with texts of equal length; return log-probabilities after each token: (tokens, vocabulary)."""
    session = open_session(model, [prefix] * len(texts), 0, len(texts[0]))
    return torch.cat([session.step(column).log_softmax(-1) for column in zip(*texts, strict=True)])


def agreement(scores: Tensor, reference: Tensor) -> dict[str, float]:
    """Compare log-probabilities: share of positions with the same best token, and the mean KL divergence in nats."""
    divergence = (reference.exp() * (reference - scores)).sum(-1)
    return {
        "positions": len(scores),
        "next_token_agreement": round(float((scores.argmax(-1) == reference.argmax(-1)).float().mean()), 4),
        "kl": float(f"{float(divergence.mean()):.3g}"),
    }
