"""What the machine offers: device, dtype, free memory."""

import torch

from memorag_graph.errors import InputError

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def choose_device(device: str = "auto") -> torch.device:
    """Return the named device, or the best there is: CUDA, Apple's MPS, CPU.

    Raises:
        InputError: If the device's name is unknown or the machine does not have it.
    """
    if device == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        chosen = torch.device(device)
        torch.empty(1, device=chosen)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise InputError("device", f"{device!r} is not available here ({reason}); use auto or cpu") from None
    return chosen


def choose_dtype(dtype: str, device: torch.device) -> torch.dtype:
    """Return the named dtype, or the fastest one that the device computes in natively.

    On CPUs that is bfloat16 only with instructions for it; emulated, it is slower than float32.

    Raises:
        InputError: If the dtype's name is unknown.
    """
    if dtype != "auto":
        if dtype not in _DTYPES:
            raise InputError("dtype", f"{dtype!r} is unknown; choose from auto, {', '.join(_DTYPES)}")
        return _DTYPES[dtype]
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    if device.type == "cpu":
        return torch.bfloat16 if _cpu_has_bf16() else torch.float32
    return torch.float16


def free_memory(device: torch.device) -> int:
    """Return the bytes that can still be allocated on a device."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    import psutil

    return int(psutil.virtual_memory().available)


def _cpu_has_bf16() -> bool:
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
