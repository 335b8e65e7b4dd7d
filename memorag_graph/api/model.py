"""A language model: a prompt in, a text out."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from langchain_core.language_models import LanguageModelInput

from memorag_graph.api.session import registry_of
from memorag_graph.errors import InputError
from memorag_graph.registry import Registry
from memorag_graph.settings import BeaconRatio, run_options
from memorag_graph.text.checks import texts_of

if TYPE_CHECKING:
    from memorag_graph.memory.memory_chat import MemoryChat


class Model:
    """A transformers language model that answers in its own chat template.

    Args:
        model_name_or_path: ``"embedded"``, a directory, or a hub name.
        cache_dir: Where downloads from the hub are kept.
        access_token: Token for gated models of the hub.
        beacon_ratio: Tokens of text that become one beacon, or ``"auto"``; only read for models with beacons.
        load_in_4bit: Hold the weights in 4 bits.
        enable_flash_attn: Use flash attention where the GPU and the dtype allow it.
        registry: Where models are kept; by default the process's own.

    Raises:
        ModelError: If the model cannot be loaded.
    """

    def __init__(
        self,
        model_name_or_path: str,
        cache_dir: str | None = None,
        access_token: str | None = None,
        beacon_ratio: BeaconRatio | None = None,
        load_in_4bit: bool = False,
        enable_flash_attn: bool = True,
        *,
        registry: Registry | None = None,
    ) -> None:
        self.model_name_or_path = model_name_or_path
        self.options = run_options(
            {
                "model": model_name_or_path,
                "beacon_ratio": beacon_ratio,
                "load_in_4bit": load_in_4bit,
                "enable_flash_attn": enable_flash_attn,
            }
        )
        self.registry = registry_of(registry, cache_dir, access_token)
        self.model = self.registry.models.memory_model(model_name_or_path, self.options)

    @property
    def chat(self) -> "MemoryChat":
        """The model as a LangChain chat model."""
        from memorag_graph.memory.memory_chat import MemoryChat
        from memorag_graph.models.sampling import NO_REPEAT

        return MemoryChat(memory_model=self.model, no_repeat=NO_REPEAT)

    def generate(
        self,
        prompts: str | Sequence[str],
        batch_size: int = 1,
        max_new_tokens: int = 256,
        temperature: float | None = None,
        top_p: float | None = None,
        do_sample: bool = False,
    ) -> list[str]:
        """Answer prompts, in order.

        Args:
            prompts: One prompt or several, each a message of the user.
            batch_size: How many are answered at once.
            max_new_tokens: Longest answer in tokens.
            temperature: How varied sampled answers are, above 0 and up to 2; 1 by default.
            top_p: Sample from the likeliest tokens that together have this probability; all by default.
            do_sample: Whether to sample; otherwise the likeliest token is taken each time.

        Raises:
            InputError: If a prompt and its answer do not fit the window, or a setting is out of range.
        """
        if batch_size < 1:
            raise InputError("batch_size", f"must be at least 1, not {batch_size}")
        given: list[LanguageModelInput] = [*texts_of("prompts", prompts)]
        chat = self.chat.model_copy(update=sampling(max_new_tokens, temperature, top_p, do_sample=do_sample))
        return [str(reply.text) for reply in chat.batch(given, {"max_concurrency": batch_size})]


def sampling(
    max_new_tokens: int, temperature: float | None, top_p: float | None, *, do_sample: bool
) -> dict[str, float]:
    """Return the fields of a chat model that writes as asked.

    Raises:
        InputError: If a setting is out of range.
    """
    if not isinstance(max_new_tokens, int) or max_new_tokens < 1:
        raise InputError("max_new_tokens", f"must be a whole number from 1 up, not {max_new_tokens!r}")
    chosen = {"temperature": 1.0 if temperature is None else temperature, "top_p": 1.0 if top_p is None else top_p}
    for name, most in (("temperature", 2.0), ("top_p", 1.0)):
        value = chosen[name]
        if not isinstance(value, int | float) or not 0 <= value <= most or (do_sample and value == 0):
            raise InputError(name, f"must be a number above 0 and at most {most:g}, not {value!r}")
    return {"max_new_tokens": max_new_tokens, **(chosen if do_sample else {"temperature": 0.0})}
