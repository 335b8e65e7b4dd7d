"""Which kind of branch a model can have, found out by trying."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from memorag_graph.inference.decode_session import open_session
from memorag_graph.inference.llama_forward import TOGETHER, supports_llama_forward
from memorag_graph.inference.packed_linear import pack_linears
from memorag_graph.inference.prefix_attention import FLASH_MEMORY_ATTENTION, MEMORY_ATTENTION, MEMORY_ATTENTIONS
from memorag_graph.kv.prefix import cache_shape

_PROBE = 12
_FLOAT32_TOLERANCE = 1e-3
_VECTOR = 32
"""Numbers that the vector units take at once, unrolled; a multiple on all processors."""

_ROUNDINGS = 4
"""Tolerance in units of a 16-bit float's rounding: above what rounding alone does, below a missing prefix."""


def prepare(model: PreTrainedModel, *, flash: bool = False) -> None:
    """Pack a model's weights, choose how its branches attend, and prove that they equal the model as it was.

    The proof compares a few tokens read in a branch with the unchanged model reading them in one go.

    Args:
        model: The model.
        flash: Whether FlashAttention-2 can run on its device, in its dtype.

    Raises:
        ValueError: If the model's cache cannot be continued exactly in either way.
    """
    stock = model.config._attn_implementation
    vocabulary = model.config.get_text_config().vocab_size
    tokens = [(vocabulary // 3 + 997 * place) % vocabulary for place in range(_PROBE)]  # clear of control tokens
    with torch.inference_mode():
        expected = model(torch.tensor([tokens], device=model.device), use_cache=False).logits[0, -1].float()
    shares = shares_prefix(model)
    pack_linears(model, TOGETHER if shares and supports_llama_forward(model) else ())
    if shares:
        model.set_attn_implementation(FLASH_MEMORY_ATTENTION if flash else MEMORY_ATTENTION)
        if _continues_exactly(model, tokens, expected):
            return
        model.set_attn_implementation(stock)
    if not _continues_exactly(model, tokens, expected):
        raise ValueError("its cache cannot be continued exactly")


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
    is_quantized = getattr(model, "is_quantized", False)  # its kernels round to 16 bits, whatever is computed in
    dtype = torch.bfloat16 if is_quantized else model.dtype
    tolerance = max(_FLOAT32_TOLERANCE, _ROUNDINGS * torch.finfo(dtype).eps)
    return bool((logits - expected).norm() <= tolerance * expected.norm())


def shares_prefix(model: PreTrainedModel) -> bool:
    """Tell whether a model's attention can be replaced by one that shares the prefix among rows.

    That is: it goes through transformers' attention interface, every layer sees the whole sequence, and the
    scores are not altered on the way.
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
    """Tell whether a row without a prefix has the same bits in any batch of a branch.

    A branch that takes one row after the other gives that. Packed layers do not look at how many rows there are, but
    other operations compute the end of a tensor otherwise where its sizes do not fill the processor's vectors; and what
    a processor's 16-bit products do is tried.
    """
    if model.config._attn_implementation not in MEMORY_ATTENTIONS:
        return True
    if not supports_llama_forward(model) or any(isinstance(module, nn.Linear) for module in model.modules()):
        return False
    config = model.config.get_text_config()
    sizes = (config.hidden_size, config.intermediate_size, cache_shape(model)[2])
    return all(size % _VECTOR == 0 for size in sizes) and _has_same_bits_beside_others(model)


def _has_same_bits_beside_others(model: PreTrainedModel) -> bool:
    """Tell whether a row gives the same logits alone, beside another and beside five longer ones."""
    prompt = list(range(5, 5 + _PROBE))

    def logits(rows: int) -> Tensor:
        session = open_session(model, [None] * rows, _PROBE * rows, 2)
        for row in range(rows):
            session.prefill(row, prompt * (row + 1))
        return torch.stack([session.step([token] * rows)[0] for token in (5, 6)])

    alone = logits(1)
    return all(torch.equal(logits(rows), alone) for rows in (2, 6))
