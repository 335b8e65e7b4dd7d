"""memorag 0.1.5 as published, patched to run without CUDA; where there is a choice, the patch favours it.

It runs in float32 with PyTorch's fused attention instead of 4 bits and FlashAttention-2. The only other change is the
number of generated tokens, so that both sides generate the same number.

    original.py MODEL_DIR EMBEDDING_MODEL_DIR
"""

import os
import sys
import time
import types
from collections.abc import Callable
from typing import Any

os.environ["TOKENIZERS_PARALLELISM"] = "false"

import faiss
import torch
from stages import serve
from transformers import AutoModel, AutoModelForCausalLM, DynamicCache
from transformers.utils import logging

_DROPPED = (
    "attn_implementation",
    "cache_dir",
    "device_map",
    "load_in_4bit",
    "quantization_config",
    "token",
    "torch_dtype",
    "trust_remote_code",
)


def _stand_in(name: str, **content: object) -> None:
    module = types.ModuleType(name)
    module.__dict__.update(content)
    sys.modules[name] = module


def _on_cpu(load: Callable[..., Any]) -> Callable[..., Any]:
    def loaded(name: str, **given: object) -> Any:  # noqa: ANN401
        kept = {key: value for key, value in given.items() if key not in _DROPPED}
        return load(name, dtype=torch.float32, attn_implementation="sdpa", **kept)

    return loaded


_stand_in("minference", MInference=None)
_stand_in("pynvml")
_stand_in("tiktoken", get_encoding=lambda _: types.SimpleNamespace(encode=str.split))  # only used to print token counts
faiss.GpuIndex = type("GpuIndex", (), {})  # type: ignore[misc, assignment]
AutoModel.from_pretrained = _on_cpu(AutoModel.from_pretrained)  # type: ignore[method-assign]
AutoModelForCausalLM.from_pretrained = _on_cpu(AutoModelForCausalLM.from_pretrained)  # type: ignore[method-assign]
logging.set_verbosity_error()

from memorag import memorag, memorag_lite  # noqa: E402 - its imports must be replaced first


class Original:
    """The original's pipeline; the number of tokens of each answer is given."""

    def __init__(self, model: str, embedding_model: str) -> None:
        self._lengths: list[int] = []
        self._prompt_tokens = 0
        ids2text = memorag.Model.ids2text

        def of_a_length(model: Any, inputs: Any, **given: Any) -> Any:  # noqa: ANN401
            length = self._lengths.pop(0)
            self._prompt_tokens += inputs["input_ids"].numel()
            return ids2text(model, inputs, **{**given, "max_new_tokens": length, "min_new_tokens": length})

        memorag.Model.ids2text = of_a_length
        self._pipe = memorag_lite.MemoRAGLite(model, embedding_model, enable_flash_attn=False)
        self._batch = 1
        memorag_lite.MemoRAGLite.adapt_batch_size = lambda _: self._batch

    def memorize(self, text: str, new_tokens: int, batch: int, place: str) -> dict[str, Any]:
        """Memorize a text with gists of ``new_tokens`` tokens in total."""
        self._batch = batch
        chunks = len(memorag_lite.TextSplitter.from_tiktoken_model("gpt-3.5-turbo", 4096).chunks(text))
        length = -(-new_tokens // chunks)
        self._lengths = [length] * chunks
        began = time.perf_counter()
        self._pipe.memorize(text, save_dir=place, print_stats=False)
        seconds = time.perf_counter() - began
        return {
            "seconds": seconds,
            "gist_tokens": length * chunks,
            "memory_tokens": self._pipe.context_inputs["input_ids"].shape[1],
            "memory_file_bytes": os.path.getsize(os.path.join(place, "memory.bin")),
        }

    def warm(self) -> dict[str, Any]:
        """Run the model once, to page it in."""
        with torch.no_grad():
            self._pipe.gen_model.model(torch.arange(16)[None])
        return {}

    def question(self, question: str, lengths: list[int]) -> dict[str, Any]:
        """Answer a question with a draft; ``lengths`` are those of spans, surrogates, draft and answer."""
        self._lengths, self._prompt_tokens = list(lengths), 0
        began = time.perf_counter()
        self._pipe(question, use_memory_answer=True)
        return {"seconds": time.perf_counter() - began, "new_tokens": sum(lengths)}

    def keep(self, tokens: list[int], place: str) -> dict[str, Any]:
        """Prefill tokens and save their cache."""
        cache = DynamicCache()
        with torch.no_grad():
            self._pipe.gen_model.model(torch.tensor([tokens]), past_key_values=cache, logits_to_keep=1)
        began = time.perf_counter()
        torch.save(cache, place)
        return {"seconds": time.perf_counter() - began, "bytes": os.path.getsize(place)}


def main() -> None:
    """Serve the stages."""
    original = Original(*sys.argv[1:])
    serve(
        {
            "memorize": original.memorize,
            "question": original.question,
            "keep": original.keep,
            "warm": original.warm,
        }
    )


if __name__ == "__main__":
    main()
