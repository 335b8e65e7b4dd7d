"""llama.cpp with the same model as packaged (Q4_1), the same prompts, and branches decoded as one batch.

llama.py MODEL_FILE
"""

import ctypes
import os
import sys
import time
from collections.abc import Sequence
from typing import Any

import llama_cpp as llama
import numpy as np
from stages import serve

_BATCH = 512
_MOST_BRANCHES = 3
_CONTEXT = 8192


class Llama:
    """A model with a prefix in sequence 0; each branch continues it in its own sequence."""

    def __init__(self, path: str) -> None:
        llama.llama_log_set(_silent, ctypes.c_void_p())
        llama.llama_backend_init()
        self._model = llama.llama_model_load_from_file(path.encode(), llama.llama_model_default_params())
        parameters = llama.llama_context_default_params()
        parameters.n_ctx, parameters.n_batch, parameters.n_ubatch = _CONTEXT, _BATCH, _BATCH
        parameters.n_seq_max, parameters.kv_unified = _MOST_BRANCHES + 1, True
        parameters.n_threads = parameters.n_threads_batch = os.cpu_count() or 1
        self._context = llama.llama_init_from_model(self._model, parameters)
        self._memory = llama.llama_get_memory(self._context)
        self._vocabulary = llama.llama_vocab_n_tokens(llama.llama_model_get_vocab(self._model))
        self._batch = llama.llama_batch_init(_BATCH, 0, 1)

    def prefill(self, tokens: list[int]) -> dict[str, Any]:
        """Read a prefix."""
        llama.llama_memory_clear(self._memory, True)
        began = time.perf_counter()
        self._read(tokens, 0, 0)
        return {"seconds": time.perf_counter() - began, "tokens": len(tokens)}

    def restore(self) -> dict[str, Any]:
        """Save the state and time restoring it."""
        size = llama.llama_state_get_size(self._context)
        state = (ctypes.c_uint8 * size)()
        size = llama.llama_state_get_data(self._context, state, size)
        began = time.perf_counter()
        llama.llama_state_set_data(self._context, state, size)
        return {"seconds": time.perf_counter() - began, "bytes": size}

    def clues(self, prefix: int, prompts: list[list[int]], new_tokens: int) -> dict[str, Any]:
        """Continue the prefix with prompts in one batch, by ``new_tokens`` greedy tokens each."""
        began = time.perf_counter()
        latest = []
        for session, prompt in enumerate(prompts, start=1):
            llama.llama_memory_seq_cp(self._memory, 0, session, -1, -1)
            latest.append(self._read(prompt, prefix, session))
        for written in range(1, new_tokens):
            places = [prefix + len(prompt) + written - 1 for prompt in prompts]
            latest = self._step(latest, places)
        seconds = time.perf_counter() - began
        for session in range(1, len(prompts) + 1):
            llama.llama_memory_seq_rm(self._memory, session, -1, -1)
        return {"seconds": seconds, "new_tokens": new_tokens * len(prompts)}

    def _read(self, tokens: Sequence[int], place: int, sequence: int) -> int:
        """Read tokens and return the most likely next one."""
        for start in range(0, len(tokens), _BATCH):
            part = tokens[start : start + _BATCH]
            for slot, token in enumerate(part):
                self._put(slot, token, place + start + slot, sequence, wanted=slot == len(part) - 1)
            self._decode(len(part))
        return self._likeliest(len(part) - 1)

    def _step(self, tokens: Sequence[int], places: Sequence[int]) -> list[int]:
        for slot, (token, place) in enumerate(zip(tokens, places, strict=True)):
            self._put(slot, token, place, slot + 1, wanted=True)
        self._decode(len(tokens))
        return [self._likeliest(slot) for slot in range(len(tokens))]

    def _put(self, slot: int, token: int, place: int, sequence: int, *, wanted: bool) -> None:
        batch = self._batch
        batch.token[slot], batch.pos[slot], batch.logits[slot] = token, place, wanted
        batch.n_seq_id[slot], batch.seq_id[slot][0] = 1, sequence

    def _decode(self, count: int) -> None:
        self._batch.n_tokens = count
        if llama.llama_decode(self._context, self._batch):
            raise RuntimeError("llama.cpp cannot read the batch")

    def _likeliest(self, slot: int) -> int:
        logits = llama.llama_get_logits_ith(self._context, slot)
        return int(np.ctypeslib.as_array(logits, (self._vocabulary,)).argmax())


@llama.llama_log_callback  # type: ignore[untyped-decorator]
def _silent(*_: object) -> None:
    """Discard log messages."""


def main() -> None:
    """Serve the stages."""
    model = Llama(sys.argv[1])
    serve({"prefill": model.prefill, "restore": model.restore, "clues": model.clues})


if __name__ == "__main__":
    main()
