"""A language model that remembers one text."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from memorag_graph.api.model import Model, sampling
from memorag_graph.api.session import Context, Session
from memorag_graph.registry import Registry
from memorag_graph.settings import BeaconRatio, MemoryKindName, run_options
from memorag_graph.text.checks import text_of, texts_of

_CLUE_TOKENS = 128
_QUESTION = "{question}"


class Memory(Model):
    """Memorizes a text and answers from memory, without retrieval; see :class:`MemoRAG` for answers with evidence.

    Args:
        model_name_or_path: ``"embedded"``, a directory, or a hub name.
        cache_dir: Directory for downloads from the hub.
        access_token: Token for gated models of the hub.
        beacon_ratio: Tokens of text per beacon, or ``"auto"``; only used by models with beacons.
        load_in_4bit: Load the weights in 4 bits.
        enable_flash_attn: Use flash attention if the GPU and the dtype support it.
        kind: ``"full"``: the model reads the whole text; ``"gist"``: summaries of its sections. A model with beacons
            makes beacon memories in either case.
        registry: Keeps models and memories; by default the process's shared one.
        session: Session of another object, to share its memory.

    Raises:
        ModelError: If the model cannot be loaded.

    Example:
        >>> memory = Memory("embedded")
        >>> memory.memorize(text)
        >>> spans = memory.recall("Who was proud of the harbour at Thorle?")
        >>> "Captain Struan" in spans
        True
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
        kind: MemoryKindName = "full",
        registry: Registry | None = None,
        session: Session | None = None,
    ) -> None:
        super().__init__(
            model_name_or_path,
            cache_dir,
            access_token,
            beacon_ratio,
            load_in_4bit,
            enable_flash_attn,
            registry=session.registry if session else registry,
        )
        without_index = run_options({**self.options.model_dump(), "kind": kind, "index": "none"})
        self.session = session or Session(self.registry, without_index)

    def memorize(self, context: Context, save_dir: str | Path | None = None, print_stats: bool = False) -> None:
        """Memorize a text; it replaces the memory in use.

        Args:
            context: The text, LangChain documents, or a loader of them.
            save_dir: Directory for the memory; by default in the user's cache directory.
            print_stats: Print progress, and the memory's size at the end.
        """
        self.session.replace_memory(context, save_dir, print_stats=print_stats)

    def load(self, path: str | Path, print_stats: bool = False) -> None:
        """Open a saved memory; it replaces the memory in use.

        Raises:
            MemoryFileError: If there is none, or it is damaged.
            MemoryMismatchError: If it was built with another model.
        """
        self.session.load(path, print_stats=print_stats)

    def save(self, path: str | Path) -> None:
        """Write the memory to a directory."""
        self.session.save(path)

    def reset(self) -> None:
        """Stop using the memory; it stays on disk."""
        self.session.reset()

    def generate_w_memory(
        self,
        instruct: str | Sequence[str],
        query: str = "",
        max_new_tokens: int = 256,
        temperature: float | None = None,
        top_p: float | None = None,
        do_sample: bool = False,
        with_cache: bool = True,
    ) -> list[str]:
        """Follow instructions from memory, each independently.

        Args:
            instruct: One instruction or several; ``{question}`` is replaced by ``query``.
            query: The question.
            max_new_tokens: Maximum tokens per answer.
            temperature: Sampling temperature, above 0 and up to 2; by default 1.
            top_p: Sample from the most likely tokens whose probabilities add up to this; by default from all.
            do_sample: Whether to sample.
            with_cache: Whether to use the memory; otherwise the model sees only the instruction.

        Raises:
            InputError: If there is no memory, or a setting is out of range.
        """
        prompts = [text.replace(_QUESTION, query) for text in texts_of("instruct", instruct)]
        if not with_cache:
            return self.generate(prompts, len(prompts) or 1, max_new_tokens, temperature, top_p, do_sample)
        chosen: dict[str, Any] = sampling(max_new_tokens, temperature, top_p, do_sample=do_sample)
        recollection = self.session.recollection(**chosen)
        return [recollection.follow(prompt).items[0] for prompt in prompts]

    def recall(self, query: str, max_new_tokens: int = _CLUE_TOKENS) -> str:
        """Recall spans of the text that are relevant to a question, one per line."""
        return "\n".join(self.session.recollection(max_new_tokens=max_new_tokens).recall(text_of("query", query)).items)

    def rewrite(self, query: str, max_new_tokens: int = _CLUE_TOKENS) -> str:
        """Rewrite a question into more specific ones, one per line."""
        return "\n".join(
            self.session.recollection(max_new_tokens=max_new_tokens).rewrite(text_of("query", query)).items
        )

    def answer(self, query: str, max_new_tokens: int = _CLUE_TOKENS) -> str:
        """Answer a question from memory, without retrieval; the answer is not verified."""
        return self.session.recollection(max_new_tokens=max_new_tokens).answer(text_of("query", query)).items[0]

    def summarize(self, max_new_tokens: int = 512) -> str:
        """List the main points of the text from memory, one per line."""
        recollection = self.session.recollection(max_new_tokens=max_new_tokens)
        request = self.session.opened().prompts(self.session.options).summary_question
        return "\n".join(recollection.outline(request).items)
