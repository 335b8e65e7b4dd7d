"""Choose a device and dtype; measure free memory."""

import torch

from memorag_graph.errors import InputError, first_line
from memorag_graph.ram import free_ram

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def choose_device(device: str = "auto") -> torch.device:
    """Return the named device; for ``"auto"`` the best available: CUDA, Apple's MPS, CPU.

    Raises:
        InputError: If the device is unknown or not available.
    """
    if device == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        chosen = torch.device(device)
        torch.zeros(1, device=chosen).item()  # a device without values, such as meta, has none to give
    except (RuntimeError, AssertionError) as error:
        raise InputError("device", f"{device!r} is not available here ({first_line(error)}); use auto or cpu") from None
    return chosen


def choose_dtype(dtype: str, device: torch.device, preferred: str = "") -> torch.dtype:
    """Return the named dtype; for ``"auto"`` the fastest one that the device computes in natively.

    On CPUs that is bfloat16 only with instructions for it; emulated, it is slower than float32.

    Args:
        dtype: The name, or ``"auto"``.
        device: Where the model runs.
        preferred: What ``"auto"`` means where the device computes in it natively.

    Raises:
        InputError: If the dtype's name is unknown.
    """
    if dtype != "auto":
        if dtype not in _DTYPES:
            raise InputError("dtype", f"{dtype!r} is unknown; choose from auto, {', '.join(_DTYPES)}")
        return _DTYPES[dtype]
    if preferred in _DTYPES and _is_native(_DTYPES[preferred], device):
        return _DTYPES[preferred]
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    if device.type == "cpu":
        return torch.bfloat16 if _cpu_has_bf16() else torch.float32
    return torch.float16


def free_memory(device: torch.device | str) -> int:
    """Return the free bytes of a device, with those that PyTorch keeps for its next allocations."""
    if torch.device(device).type == "cuda":
        kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(torch.cuda.mem_get_info(device)[0]) + kept
    return free_ram()


def _is_native(dtype: torch.dtype, device: torch.device) -> bool:
    """Return whether a device computes in a dtype natively."""
    if dtype == torch.float32:
        return True
    if device.type == "cpu":
        return dtype == torch.bfloat16 and _cpu_has_bf16()
    return dtype == torch.float16 or (device.type == "cuda" and torch.cuda.is_bf16_supported())


def _cpu_has_bf16() -> bool:
    from memorag_graph.inference.fast_paths import packing_works

    has_instructions = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return bool(has_instructions and packing_works(torch.bfloat16))
