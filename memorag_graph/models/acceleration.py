"""Options that make large models fit or run faster: 4-bit weights, flash attention, MInference.

If one cannot run, a log line says why and the model runs without it.
"""

import importlib.util
import logging
from typing import TYPE_CHECKING

import torch

from memorag_graph.errors import ModelError

if TYPE_CHECKING:
    from transformers import BitsAndBytesConfig, PreTrainedModel

_FLASH_CAPABILITY = (8, 0)
"""CUDA compute capability that FlashAttention-2 requires (Ampere)."""

_log = logging.getLogger(__name__)


def four_bits(dtype: torch.dtype) -> "BitsAndBytesConfig":
    """Return the configuration for weights in 4-bit normal floats (Dettmers et al., "QLoRA", 2023).

    Args:
        dtype: The compute dtype.

    Raises:
        ModelError: If bitsandbytes is not installed.
    """
    from transformers import BitsAndBytesConfig

    if importlib.util.find_spec("bitsandbytes") is None:
        raise ModelError("load_in_4bit needs the package bitsandbytes: pip install bitsandbytes")
    return BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=dtype)


def can_flash(device: torch.device, dtype: torch.dtype) -> bool:
    """Return whether FlashAttention-2 can run; log why if it cannot."""
    if device.type != "cuda":
        _log.info("flash attention is not used: it needs a CUDA GPU, the model runs on %s", device.type)
        return False
    if torch.cuda.get_device_capability(device) < _FLASH_CAPABILITY:
        _log.warning("flash attention is not used: the GPU is older than compute capability 8.0")
        return False
    if dtype not in (torch.float16, torch.bfloat16):
        _log.warning("flash attention is not used: it needs dtype float16 or bfloat16, not %s", dtype)
        return False
    return True


def patch_minference(model: "PreTrainedModel", name: str) -> "PreTrainedModel":
    """Patch a model to read long texts with dynamic sparse attention (Jiang et al., "MInference 1.0", 2024).

    Without a CUDA GPU or the package ``minference``, the model is returned unchanged.

    Args:
        model: The model.
        name: Its hub name, under which MInference knows its sparsity patterns.
    """
    if model.device.type != "cuda":
        _log.warning("MInference is not used: it needs a CUDA GPU, the model runs on %s", model.device.type)
        return model
    if importlib.util.find_spec("minference") is None:
        _log.warning("MInference is not used: install it with: pip install minference")
        return model
    from minference import MInference

    patched: PreTrainedModel = MInference("minference", name)(model)
    return patched
