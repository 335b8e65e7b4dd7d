"""A decode session through transformers' own caches."""

from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import PreTrainedModel

from memorag_graph.inference.cache_views import RowCache, dynamic_cache, prefix_of
from memorag_graph.inference.prefix_attention import AttentionProbe
from memorag_graph.kv.prefix import KVPrefix


class HFCacheSession:
    """A decode session through the model's own attention, one row at a time; works for any causal language model.

    Args:
        model: The model.
        prefixes: The prefix that each row continues.
        piece: Tokens of a prompt per forward pass; passes begin at multiples of it.
    """

    def __init__(self, model: PreTrainedModel, prefixes: Sequence[KVPrefix | None], piece: int) -> None:
        self._model = model
        self._piece = piece
        self._caches = [dynamic_cache(prefix) for prefix in prefixes]

    def prefill(self, row: int, tokens: Sequence[int], probe: AttentionProbe | None = None) -> Tensor:
        """Prefill more of a row's prompt; return the logits after its last token, shape (vocabulary,).

        Raises:
            ValueError: If attention is to be observed, which this model does not allow.
        """
        if probe is not None:
            raise ValueError("the attention of this model cannot be observed")
        done, cache = 0, self._caches[row]
        while done < len(tokens):
            part = tokens[done : done + self._piece - cache.get_seq_length() % self._piece]
            logits = self._forward(cache, part)
            done += len(part)
        return logits

    def step(self, tokens: Sequence[int]) -> Tensor:
        """Read one token per row; return the logits after it, shape (rows, vocabulary)."""
        return torch.stack([self._forward(cache, [token]) for cache, token in zip(self._caches, tokens, strict=True)])

    @property
    def can_take_back(self) -> bool:
        """False: not every model's cache can drop its last tokens."""
        return False

    def step_ahead(self, tokens: Sequence[Sequence[int]]) -> Tensor:
        """Read one token of each row; return the logits after it, shape (rows, 1, vocabulary)."""
        return self.step([token for (token,) in tokens])[:, None]

    def take_back(self, row: int, count: int) -> None:
        """Drop the last tokens of a row.

        Raises:
            ValueError: If ``count`` is not 0; not every model's cache can be truncated.
        """
        if count:
            raise ValueError("the cache of this model cannot be truncated")

    def keep(self, rows: Sequence[int], columns: int) -> None:
        """Keep only some rows, in the given order."""
        self._caches = [self._caches[row] for row in rows]

    def join(self, prefixes: Sequence[KVPrefix | None], columns: int) -> None:
        """Add rows after the existing ones, each with a prefix."""
        self._caches += [dynamic_cache(prefix) for prefix in prefixes]

    def restart(self, row: int, known: KVPrefix | None = None) -> None:
        """Empty a row, or replace its contents by known keys and values."""
        self._caches[row] = dynamic_cache(known)

    def prefix(self) -> KVPrefix:
        """Return the prefix extended by what the only row has read."""
        return prefix_of(self._caches[0])

    def _forward(self, cache: RowCache, tokens: Sequence[int]) -> Tensor:
        with torch.inference_mode():
            output = self._model(
                input_ids=torch.tensor([list(tokens)], device=self._model.device),
                past_key_values=cache,
                use_cache=True,
                logits_to_keep=1,
            )
        return output.logits[0, -1].float()  # type: ignore[no-any-return]
