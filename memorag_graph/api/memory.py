"""A language model with a memory of one text."""

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
    """Memorizes a text and answers from memory alone; :class:`MemoRAG` adds retrieval.

    Args:
        model_name_or_path: ``"embedded"``, a directory, or a hub name.
        cache_dir: Where downloads from the hub are kept.
        access_token: Token for gated models of the hub.
        beacon_ratio: Tokens of text that become one beacon, or ``"auto"``; only read for models with beacons.
        load_in_4bit: Hold the weights in 4 bits.
        enable_flash_attn: Use flash attention where the GPU and the dtype allow it.
        kind: ``"full"``: the model reads the whole text; ``"gist"``: digests of its sections; a model with beacons
            makes beacon memories in either case.
        registry: Where models and memories are kept; by default the process's own.
        session: The memory of another object, to share it.

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
        alone = run_options({**self.options.model_dump(), "kind": kind, "index": "none"})
        self.session = session or Session(self.registry, alone)

    def memorize(self, context: Context, save_dir: str | Path | None = None, print_stats: bool = False) -> None:
        """Read a text, which takes the place of the one before.

        Args:
            context: The text, LangChain documents, or a loader of them.
            save_dir: Where to keep the memory; by default in the user's directory.
            print_stats: Show progress, and what came out.
        """
        self.session.replace_memory(context, save_dir, print_stats=print_stats)

    def load(self, path: str | Path, print_stats: bool = False) -> None:
        """Open a memory from its directory.

        Raises:
            MemoryFileError: If there is none, or it is damaged.
            MemoryMismatchError: If it was made with another model.
        """
        self.session.load(path, print_stats=print_stats)

    def save(self, path: str | Path) -> None:
        """Write the memory to a directory."""
        self.session.save(path)

    def reset(self) -> None:
        """Forget the memory; it stays on disk."""
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
        """Follow instructions from memory, each by itself.

        Args:
            instruct: One instruction or several; ``{question}`` in it stands for ``query``.
            query: The question.
            max_new_tokens: Longest answer in tokens.
            temperature: How varied sampled answers are, above 0 and up to 2; 1 by default.
            top_p: Sample from the likeliest tokens that together have this probability.
            do_sample: Whether to sample.
            with_cache: Whether to use the memory; without it, the model answers by itself.

        Raises:
            InputError: If there is no memory, or a setting is out of range.
        """
        given = texts_of("instruct", instruct)
        prompts = [it.replace(_QUESTION, query) for it in given]
        if not with_cache:
            return self.generate(prompts, len(prompts) or 1, max_new_tokens, temperature, top_p, do_sample)
        chosen: dict[str, Any] = sampling(max_new_tokens, temperature, top_p, do_sample=do_sample)
        recollection = self.session.recollection(**chosen)
        return [recollection.follow(prompt).items[0] for prompt in prompts]

    def recall(self, query: str, max_new_tokens: int = _CLUE_TOKENS) -> str:
        """Recall spans of the text that bear on a question, one per line."""
        return "\n".join(self.session.recollection(max_new_tokens=max_new_tokens).recall(text_of("query", query)).items)

    def rewrite(self, query: str, max_new_tokens: int = _CLUE_TOKENS) -> str:
        """Rewrite a question into more specific ones, one per line."""
        return "\n".join(
            self.session.recollection(max_new_tokens=max_new_tokens).rewrite(text_of("query", query)).items
        )

    def answer(self, query: str, max_new_tokens: int = _CLUE_TOKENS) -> str:
        """Answer a question from memory alone; the answer is not verified."""
        return self.session.recollection(max_new_tokens=max_new_tokens).answer(text_of("query", query)).items[0]

    def summarize(self, max_new_tokens: int = 512) -> str:
        """List the main points of the text from memory, one per line."""
        recollection = self.session.recollection(max_new_tokens=max_new_tokens)
        request = self.session.opened().prompts(self.session.options).summary_question
        return "\n".join(recollection.outline(request).items)
