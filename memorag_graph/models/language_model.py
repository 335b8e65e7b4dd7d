"""A causal language model with its tokenizer: tokens, prompts, window, identity."""

import json
import threading
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from tokenizers import Tokenizer
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from memorag_graph.beacon.checkpoint import has_beacons
from memorag_graph.beacon.config import BeaconConfig
from memorag_graph.errors import ModelError
from memorag_graph.inference.fast_paths import prepare, rows_are_independent
from memorag_graph.inference.prefix_attention import MEMORY_ATTENTIONS
from memorag_graph.kv.prefix import cache_shape
from memorag_graph.models.chat_template import ChatTemplate, Piece, Turn
from memorag_graph.models.fingerprint import digest, fingerprint
from memorag_graph.settings import FastPathsOption

if TYPE_CHECKING:
    from memorag_graph.models.loading import ModelSource

_UNKNOWN_WINDOW = 2048


class LanguageModel:
    """A loaded model and its tokenizer.

    Args:
        model: Any transformers causal language model, ready to run.
        tokenizer: Its tokenizer.
        name: Name given by the user: ``"embedded"``, a directory or a hub name.
        flash: Whether FlashAttention-2 can run on its device, in its dtype.
        fast_paths: ``"off"`` uses no fast path of the processor; see :mod:`memorag_graph.inference.fast_paths`.
        source: From where another process can load it; None if it was made here.

    Raises:
        ModelError: If the model's cache cannot be continued exactly.
    """

    served = server = ""
    """It runs here."""

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        name: str,
        *,
        flash: bool = False,
        fast_paths: FastPathsOption = "auto",
        source: "ModelSource | None" = None,
    ) -> None:
        self.model = model.eval()
        self.fingerprint = fingerprint(model)
        """Hash of the architecture and the weights; see :func:`memorag_graph.models.fingerprint.fingerprint`."""
        try:
            prepare(model, flash=flash, option=fast_paths)
        except ValueError as error:
            raise ModelError(f"the model {name!r} cannot hold a memory: {error}; use another model") from None
        if self.beacons is not None and not self.can_be_observed:
            raise ModelError(f"the model {name!r} cannot read beacons with its attention; use another model")
        self.tokenizer = tokenizer
        self.name = name
        self.source = source
        self.template = ChatTemplate(tokenizer)
        self._tokenizer_lock = threading.Lock()

    @cached_property
    def window(self) -> int:
        """Maximum tokens of prompt and answer together.

        For rotary embeddings that change beyond some length (LongRoPE), that length: keys computed below and above it
        are incompatible.
        """
        config = self.model.config.get_text_config()
        rotary = getattr(config, "rope_parameters", None) or {}
        if rotary.get("rope_type") == "longrope":
            return int(rotary.get("original_max_position_embeddings") or config.original_max_position_embeddings)
        window = getattr(config, "max_position_embeddings", None) or getattr(config, "n_positions", None)
        return min(int(window or _UNKNOWN_WINDOW), int(self.tokenizer.model_max_length))

    @property
    def size(self) -> int:
        """About how many parameters the layers have: 12 times layers times width squared (Kaplan et al., 2020)."""
        config = self.model.config.get_text_config()
        return 12 * int(config.num_hidden_layers) * int(config.hidden_size) ** 2

    @cached_property
    def cache_bytes_per_token(self) -> int:
        """Bytes of the keys and values of one token in all layers."""
        layers, heads, dim = cache_shape(self.model)
        return 2 * layers * heads * dim * int(self.model.dtype.itemsize)

    @cached_property
    def beacons(self) -> BeaconConfig | None:
        """How it places beacons; None for a model without beacons."""
        return BeaconConfig.of(self.model.config) if has_beacons(self.model) else None

    @property
    def can_be_observed(self) -> bool:
        """Whether attention can be observed in a session."""
        return bool(self.model.config._attn_implementation in MEMORY_ATTENTIONS)

    @cached_property
    def rows_are_independent(self) -> bool:
        """Whether a row without a memory has the same bits in any batch."""
        return rows_are_independent(self.model)

    @property
    def quantization(self) -> str:
        """``"nf4"`` if the weights are held in 4 bits, else empty."""
        return "nf4" if getattr(self.model, "is_loaded_in_4bit", False) else ""

    @property
    def dtype(self) -> str:
        """Name of the dtype that the model computes in, such as ``"float32"``."""
        return str(self.model.dtype).removeprefix("torch.")

    @cached_property
    def fast_tokenizer(self) -> Tokenizer | None:
        """A Rust tokenizer that reads control tokens as plain text, or None for a tokenizer written in Python."""
        backend = getattr(self.tokenizer, "backend_tokenizer", None)
        if backend is None:
            return None
        described = json.loads(backend.to_str())
        described["added_tokens"] = [token for token in described["added_tokens"] if not token["special"]]
        described["post_processor"] = None
        return Tokenizer.from_str(json.dumps(described))

    def encode(self, text: str, *, markup: bool = False) -> list[int]:
        """Tokenize a text without adding tokens; control tokens are recognised only if ``markup`` is set."""
        with self._tokenizer_lock:  # the Rust tokenizer refuses changes of its settings during a call
            ids = self.tokenizer(text, add_special_tokens=False, split_special_tokens=not markup)["input_ids"]
        return [int(token) for token in ids]

    def decode(self, tokens: Sequence[int]) -> str:
        """Decode tokens without control tokens."""
        with self._tokenizer_lock:
            return str(self.tokenizer.decode(list(tokens), skip_special_tokens=True))

    def count(self, text: str) -> int:
        """Return the number of tokens of a text."""
        return len(self.encode(text))

    def encode_pieces(self, pieces: Sequence[Piece]) -> list[int]:
        """Tokenize a rendered conversation piece by piece."""
        return [token for piece in pieces for token in self.encode(piece.text, markup=piece.is_markup)]

    def encode_chat(self, turns: Sequence[Turn]) -> list[int]:
        """Tokenize a conversation that does not follow a memory."""
        return self.encode_pieces(self.template.render(turns))

    def count_chat(self, turns: Sequence[Turn]) -> int:
        """Return the number of tokens of a conversation, with the template's markup."""
        return len(self.encode_chat(turns))

    @cached_property
    def stop_tokens(self) -> frozenset[int]:
        """Tokens that end an answer: the model's and tokenizer's own, and the template's end of a turn."""
        stops: set[int] = set()
        for source in (self.model.generation_config, self.model.config.get_text_config(), self.tokenizer):
            found = getattr(source, "eos_token_id", None)
            stops.update(found if isinstance(found, list | tuple) else [] if found is None else [found])
        if self.tokenizer.chat_template is not None:
            markup = self.encode(self.template.end_of_turn(), markup=True)
            stops.update(token for token in markup[:1] if token in self.tokenizer.all_special_ids)
        return frozenset(int(stop) for stop in stops)

    @cached_property
    def tokenizer_fingerprint(self) -> str:
        """Hash of the vocabulary, the merges and the chat template."""
        backend = getattr(self.tokenizer, "backend_tokenizer", None)
        described = backend.to_str() if backend is not None else json.dumps(self.tokenizer.get_vocab(), sort_keys=True)
        return digest(f"{described}\n{self.tokenizer.chat_template}".encode())
