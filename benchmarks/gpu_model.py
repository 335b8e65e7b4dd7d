"""A model of the shape of Qwen2.5-1.5B with seeded weights, and what ``gpu.py`` measures of it."""

from dataclasses import dataclass
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import DynamicCache, PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

from memorag_graph.kv.prefix import KVPrefix

TEMPLATE = "{% for message in messages %}{{ message['role'] }}: {{ message['content'] }}\n{% endfor %}"


def _shape(vocabulary: int, hidden: int, intermediate: int, layers: int, heads: int) -> Qwen2Config:
    return Qwen2Config(
        vocab_size=vocabulary,
        hidden_size=hidden,
        intermediate_size=intermediate,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=2,
        max_position_embeddings=32_768,
        rope_parameters={"rope_type": "default", "rope_theta": 1_000_000.0},
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=None,
    )


@dataclass(frozen=True)
class Plan:
    """What is measured.

    Attributes:
        config: The model's shape.
        remembered: Tokens of the memory.
        rows: Numbers of rows that are decoded side by side.
        steps: Tokens decoded per row.
        side: Rows and columns of the matrices whose product gives the peak.
        copied: Bytes of the copy that gives the bandwidth.
        pieces: Tokens per pass of a prefill.
        repeats: Times that each stage is run; the median counts.
    """

    config: Qwen2Config
    remembered: int = 8_000
    rows: tuple[int, ...] = (1, 3, 8, 32)
    steps: int = 48
    side: int = 8_192
    copied: int = 1 << 31
    pieces: tuple[int, ...] = (512, 2_048)
    repeats: int = 3


FULL_PLAN = Plan(_shape(151_936, 1_536, 8_960, 28, 12))
TINY_PLAN = Plan(_shape(512, 64, 128, 2, 4), 160, (1, 3), 8, 64, 1 << 16, (64, 128), 1)


def save_seeded(config: Qwen2Config, directory: Path, device: torch.device, dtype: torch.dtype) -> None:
    """Save a model with seeded weights, and a tokenizer of single bytes."""
    torch.manual_seed(0)
    with device:
        model = Qwen2ForCausalLM(config)
    for parameter in model.parameters():
        parameter.data = parameter.data.to(dtype)
    model.save_pretrained(directory)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={token: index for index, token in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer)
    fast.chat_template = TEMPLATE
    fast.save_pretrained(directory)


def batch_cache(memory: KVPrefix, rows: int) -> DynamicCache:
    """Return transformers' cache of a memory, copied for each row as ``generate`` needs it."""
    cache = DynamicCache()
    for index, (keys, values) in enumerate(memory.layers):
        cache.update(keys[None].repeat(rows, 1, 1, 1), values[None].repeat(rows, 1, 1, 1), index)
    return cache


def weights(config: Qwen2Config) -> int:
    """Return the number of weights of a shape: embeddings, which are the output layer too, and layers."""
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in Qwen2ForCausalLM(config).parameters())
