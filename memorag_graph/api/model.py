"""A language model: text in, text out."""

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
    """A local transformers language model, prompted with its own chat template.

    Args:
        model_name_or_path: ``"embedded"``, a directory, or a hub name.
        cache_dir: Directory for downloads from the hub.
        access_token: Token for gated models of the hub.
        beacon_ratio: Tokens of text per beacon, or ``"auto"``; only used by models with beacons.
        load_in_4bit: Load the weights in 4 bits.
        enable_flash_attn: Use flash attention if the GPU and the dtype support it.
        registry: Keeps models; by default the process's shared one.

    Raises:
        ModelError: If the model cannot be loaded.

    Example:
        >>> model = Model("embedded")
        >>> replies = model.generate(["Name a colour.", "Name a fruit."], batch_size=2, max_new_tokens=8)
        >>> len(replies)
        2
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
            prompts: One prompt or several, each a user message.
            batch_size: Prompts answered at once.
            max_new_tokens: Maximum tokens per answer.
            temperature: Sampling temperature, above 0 and up to 2; by default 1.
            top_p: Sample from the most likely tokens whose probabilities add up to this; by default from all.
            do_sample: Whether to sample; otherwise decoding is greedy.

        Raises:
            InputError: If a prompt and its answer do not fit the window, or a setting is out of range.
        """
        if batch_size < 1:
            raise InputError("batch_size", f"must be at least 1, not {batch_size}")
        inputs: list[LanguageModelInput] = [*texts_of("prompts", prompts)]
        chat = self.chat.model_copy(update=sampling(max_new_tokens, temperature, top_p, do_sample=do_sample))
        return [str(reply.text) for reply in chat.batch(inputs, {"max_concurrency": batch_size})]


def sampling(
    max_new_tokens: int, temperature: float | None, top_p: float | None, *, do_sample: bool
) -> dict[str, float]:
    """Return the sampling settings as fields of a chat model.

    Raises:
        InputError: If a setting is out of range.
    """
    if not isinstance(max_new_tokens, int) or max_new_tokens < 1:
        raise InputError("max_new_tokens", f"must be a positive integer, not {max_new_tokens!r}")
    chosen = {"temperature": 1.0 if temperature is None else temperature, "top_p": 1.0 if top_p is None else top_p}
    for name, maximum in (("temperature", 2.0), ("top_p", 1.0)):
        value = chosen[name]
        if not isinstance(value, int | float) or not 0 <= value <= maximum or (do_sample and value == 0):
            raise InputError(name, f"must be a number above 0 and at most {maximum:g}, not {value!r}")
    return {"max_new_tokens": max_new_tokens, **(chosen if do_sample else {"temperature": 0.0})}
