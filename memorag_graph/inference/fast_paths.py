"""Try the fast paths of a processor when a model is loaded, and use those that work.

An operation that exists may still fail, or compute something else, on another processor or build of PyTorch. So each
path is tried once per dtype and its result compared with plain PyTorch. If it fails, a warning is logged and the plain
operations run instead. ``MEMORAG_GRAPH_FAST_PATHS=off``, or the option ``fast_paths``, switches all of them
off.
"""

import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from memorag_graph.errors import first_line
from memorag_graph.inference.captured_steps import PLAIN_STEPS, can_capture
from memorag_graph.inference.chosen_paths import FastPaths, fast_paths_of, use_fast_paths
from memorag_graph.inference.decode_session import open_session
from memorag_graph.inference.llama_forward import SHARED_INPUTS, supports_llama_forward
from memorag_graph.inference.logsumexp_attention import partial_attention
from memorag_graph.inference.packed_linear import PACKED_DTYPES, PackedLinear, pack_linears
from memorag_graph.inference.prefix_attention import FLASH_MEMORY_ATTENTION, MEMORY_ATTENTION, MEMORY_ATTENTIONS
from memorag_graph.kv.prefix import cache_shape
from memorag_graph.settings import FastPathsOption

SWITCH = "MEMORAG_GRAPH_FAST_PATHS"
"""Environment variable; ``off`` switches all fast paths off, whatever the option says."""

_PROBE = 12
_FLOAT32_TOLERANCE = 1e-3
_ROUNDING_UNITS = 4
"""Tolerance in units of a 16-bit float's rounding: above rounding noise, below a missing prefix."""

_VECTOR = 32
"""Elements that vector units take at once, unrolled; a multiple of this on all processors."""

_log = logging.getLogger(__name__)


def switched_off(option: FastPathsOption = "auto") -> bool:
    """Return whether fast paths are switched off, by the option or by the environment."""
    return "off" in (option, os.environ.get(SWITCH, "auto").strip().lower())


def packable_dtypes(option: FastPathsOption = "auto") -> frozenset[torch.dtype]:
    """Return the dtypes whose linear layers can be packed on this machine."""
    return frozenset() if switched_off(option) else frozenset(filter(packing_works, PACKED_DTYPES))


@cache
def packing_works(dtype: torch.dtype) -> bool:
    """Return whether a packed linear layer computes what the plain layer does; tried once per dtype."""

    def compare() -> bool:
        generator = torch.Generator().manual_seed(0)
        plain = nn.Linear(48, 32, dtype=dtype)
        for parameter in plain.parameters():
            parameter.data.copy_(torch.randn(parameter.shape, generator=generator))
        states = torch.randn(9, 48, generator=generator).to(dtype)
        with torch.inference_mode():
            packed = PackedLinear(plain)
            return all(_close(packed(states[:rows]), plain(states[:rows])) for rows in (1, 3, 9))

    return _works(compare, "packed weights", dtype)


@cache
def fused_attention_works(dtype: torch.dtype) -> bool:
    """Return whether PyTorch's fused CPU attention computes what plain products do; tried once per dtype."""

    def compare() -> bool:
        generator = torch.Generator().manual_seed(0)
        query, key, value = (torch.randn(1, 2, 130, 16, generator=generator).to(dtype) for _ in range(3))
        with torch.inference_mode():
            return all(
                _close(fused, plain)
                for causal in (False, True)
                for fused, plain in zip(
                    partial_attention(query, key, value, 0.25, causal=causal),
                    partial_attention(query, key, value, 0.25, causal=causal, fused=False),
                    strict=True,
                )
            )

    return _works(compare, "fused attention", dtype)


def prepare(model: PreTrainedModel, *, flash: bool = False, option: FastPathsOption = "auto") -> None:
    """Choose the fast paths of a model and how its sessions attend, and check its results against the original model.

    A few tokens read in a session are compared with the unchanged model reading them in one pass.

    Args:
        model: The model.
        flash: Whether FlashAttention-2 can run on its device, in its dtype.
        option: ``"off"`` uses no fast path of the processor.

    Raises:
        ValueError: If the model's cache cannot be continued exactly in any way.
    """
    stock = model.config._attn_implementation
    vocabulary = model.config.get_text_config().vocab_size
    tokens = [(vocabulary // 3 + 997 * place) % vocabulary for place in range(_PROBE)]  # clear of control tokens
    with torch.inference_mode():
        expected = model(torch.tensor([tokens], device=model.device), use_cache=False).logits[0, -1].float()
    shares = shares_prefix(model)
    can_write_out = shares and supports_llama_forward(model)
    dtypes = packable_dtypes(option)
    pack_linears(model, dtypes, SHARED_INPUTS if can_write_out else ())
    if shares:
        model.set_attn_implementation(FLASH_MEMORY_ATTENTION if flash else MEMORY_ATTENTION)
        if _choose(model, tokens, expected, can_write_out=can_write_out, option=option):
            return
        model.set_attn_implementation(stock)
    use_fast_paths(model, FastPaths(packed_weights=model.dtype in dtypes))
    if not _continues_exactly(model, tokens, expected):
        raise ValueError("its cache cannot be continued exactly")


def _choose(
    model: PreTrainedModel, tokens: Sequence[int], expected: Tensor, *, can_write_out: bool, option: FastPathsOption
) -> bool:
    """Use the fast paths that reproduce the model's own logits; return False if its sessions cannot share prefixes."""
    plain = FastPaths(packed_weights=model.dtype in packable_dtypes(option))
    on_cpu = model.device.type == "cpu"
    best = plain
    if not switched_off(option):
        fused = on_cpu and fused_attention_works(model.dtype)
        best = replace(plain, llama_forward=can_write_out, fused_attention=fused, prompt_lookup=True)
    for paths in dict.fromkeys([best, replace(best, llama_forward=False), plain]):
        use_fast_paths(model, paths)
        if not _continues_exactly(model, tokens, expected):
            continue
        if paths.prompt_lookup and not _reads_ahead_exactly(model, tokens):
            paths = replace(paths, prompt_lookup=False)
            use_fast_paths(model, paths)
        if paths.llama_forward and can_capture(model.device):
            _capture_steps(model, tokens, paths)
        unused = [name for name in ("llama_forward", "prompt_lookup") if getattr(best, name) > getattr(paths, name)]
        if unused:
            _log.warning("fast paths not used with this model, because their results differ: %s", ", ".join(unused))
        return True
    return False


def _continues_exactly(model: PreTrainedModel, tokens: Sequence[int], expected: Tensor) -> bool:
    half = len(tokens) // 2
    try:
        first = open_session(model, [None], half)
        first.prefill(0, tokens[:half])
        second = open_session(model, [first.prefix()], half)
        second.prefill(0, tokens[half:-1])
        logits = second.step(tokens[-1:])[0]
    except (RuntimeError, IndexError, TypeError, ValueError, AttributeError):
        return False  # another shape or kind of cache
    is_quantized = getattr(model, "is_quantized", False)  # its kernels round to 16 bits in any dtype
    return _close(logits, expected, torch.bfloat16 if is_quantized else model.dtype)


def _reads_ahead_exactly(model: PreTrainedModel, tokens: Sequence[int]) -> bool:
    """Return whether several tokens read in one step, the last ones taken back, give the logits of single steps."""
    half = len(tokens) // 2
    try:
        ahead, single = (open_session(model, [None], half, half) for _ in range(2))
        for session in (ahead, single):
            session.prefill(0, tokens[:half])
        guessed = ahead.step_ahead([[tokens[half], 0, 0]])[0, 0]
        ahead.take_back(0, 2)
        following = ahead.step([tokens[half + 1]])[0]
        expected = [single.step([token])[0] for token in tokens[half : half + 2]]
    except (RuntimeError, IndexError, TypeError, ValueError, AttributeError):
        return False
    return _close(guessed, expected[0], model.dtype) and _close(following, expected[1], model.dtype)


def shares_prefix(model: PreTrainedModel) -> bool:
    """Return whether a model's attention can be replaced by one that shares the prefix among rows.

    That is the case if it uses transformers' attention interface, every layer attends to the whole sequence, and
    scores are not soft-capped.
    """
    config = model.config.get_text_config()
    kinds = set(getattr(config, "layer_types", None) or ["full_attention"])
    sliding = getattr(config, "sliding_window", None) and getattr(config, "use_sliding_window", True)
    soft_caps = getattr(config, "attn_logit_softcapping", None)
    return bool(
        getattr(model, "_supports_attention_backend", False)
        and kinds == {"full_attention"}
        and not sliding
        and not soft_caps
    )


def rows_are_independent(model: PreTrainedModel) -> bool:
    """Return whether a row without a prefix has the same bits in any batch of a session.

    A session that runs one row at a time guarantees that. Packed layers do not depend on the number of rows,
    but other operations compute the end of a tensor differently if its sizes do not fill the processor's vectors, and
    16-bit products depend on the processor, so they are tried.
    """
    if model.config._attn_implementation not in MEMORY_ATTENTIONS:
        return True
    if not fast_paths_of(model).llama_forward or any(isinstance(module, nn.Linear) for module in model.modules()):
        return False
    config = model.config.get_text_config()
    sizes = (config.hidden_size, config.intermediate_size, cache_shape(model)[2])
    return all(size % _VECTOR == 0 for size in sizes) and _has_same_bits_beside_others(model)


def _has_same_bits_beside_others(model: PreTrainedModel) -> bool:
    """Return whether a row gives the same logits alone, beside one other and beside five longer ones."""
    prompt = list(range(5, 5 + _PROBE))

    def logits(rows: int) -> Tensor:
        session = open_session(model, [None] * rows, _PROBE * rows, 2)
        for row in range(rows):
            session.prefill(row, prompt * (row + 1))
        return torch.stack([session.step([token] * rows)[0] for token in (5, 6)])

    alone = logits(1)
    return all(torch.equal(logits(rows), alone) for rows in (2, 6))


def _capture_steps(model: PreTrainedModel, tokens: Sequence[int], paths: FastPaths) -> None:
    """Let sessions repeat recorded steps if these give the logits of steps that run plainly."""
    plain = _logits_of_steps(model, tokens)
    use_fast_paths(model, replace(paths, captured_steps=True))
    reason = "their results differ"
    try:
        if _close(_logits_of_steps(model, tokens), plain, model.dtype):
            return
    except torch.OutOfMemoryError as error:
        reason = first_line(error)
    use_fast_paths(model, paths)
    _log.warning("CUDA graphs not used with this model: %s", reason)


def _logits_of_steps(model: PreTrainedModel, tokens: Sequence[int]) -> Tensor:
    """Return the logits of steps of two rows behind one prefix, the last of which may be repeated from a recording."""
    half = len(tokens) // 2
    start = open_session(model, [None], half)
    start.prefill(0, tokens[:half])
    session = open_session(model, [start.prefix()] * 2, half, PLAIN_STEPS + half)
    for row in range(2):
        session.prefill(row, tokens[half + row :])
    logits = [session.step([token, tokens[0]]) for token in (*tokens[:PLAIN_STEPS], *tokens[half:])]
    session.take_back(0, 1)
    return torch.cat([*logits, session.step(tokens[:2])])


def _works(compare: Callable[[], bool], what: str, dtype: torch.dtype) -> bool:
    """Return whether a fast path gives the results of plain PyTorch; log one line if it does not."""
    reason = "its results differ"
    try:
        if compare():
            return True
    except (RuntimeError, TypeError, AttributeError) as error:
        reason = first_line(error)
    name = str(dtype).removeprefix("torch.")
    _log.warning("%s not used in %s on this CPU, plain PyTorch instead: %s", what, name, reason)
    return False


def _close(found: Tensor, expected: Tensor, dtype: torch.dtype | None = None) -> bool:
    tolerance = max(_FLOAT32_TOLERANCE, _ROUNDING_UNITS * torch.finfo(dtype or expected.dtype).eps)
    return bool((found.float() - expected.float()).norm() <= tolerance * expected.float().norm())
