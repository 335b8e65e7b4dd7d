"""The pipeline as a callable: MemoRAG memorizes the whole text, MemoRAGLite summaries of its sections."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from memorag_graph.api.arguments import MAX_TEXTS, later_arguments, question_and_context, template_for
from memorag_graph.api.generators import as_chat
from memorag_graph.api.memory import Memory
from memorag_graph.api.session import Context, Session, registry_of
from memorag_graph.errors import InputError
from memorag_graph.models.loading import DEFAULT_EMBEDDING_MODEL, DEFAULT_MODEL
from memorag_graph.registry import Registry
from memorag_graph.settings import BeaconRatio, MemoryKindName, RunOptions, run_options

_DEFAULTS = RunOptions()


class Pipeline:
    """Memory, retrieval and generation for one text at a time.

    Args:
        options: Models and settings.
        registry: Keeps models and memories.
        customized_gen_model: Generates the answers instead of the generator of the options.
    """

    def __init__(self, options: RunOptions, registry: Registry, customized_gen_model: object | None) -> None:
        if customized_gen_model is not None:
            name = f"customized-{uuid4()}"
            registry.add_chat_model(name, as_chat(customized_gen_model))
            options = options.model_copy(update={"generator": name})
        self.session = Session(registry, options)
        self.mem_model = Memory(
            options.model,
            load_in_4bit=options.load_in_4bit,
            enable_flash_attn=options.enable_flash_attn,
            session=self.session,
        )
        registry.models.embeddings(registry.models.embedding_name(options.embedding_model))

    @property
    def result(self) -> dict[str, Any]:
        """The graph's whole output for the last answer: ``citations``, ``evidence``, clues, ``notices``."""
        return self.session.result

    def memorize(self, context: Context, save_dir: str | Path | None = None, print_stats: bool = False) -> None:
        """Memorize a text; it replaces the memory in use.

        Args:
            context: The text, LangChain documents, or a loader of them.
            save_dir: Directory for the memory; by default in the user's cache directory.
            print_stats: Print progress, and the memory's size at the end.

        Raises:
            InputError: If there is no text.
            MemoryFileError: If the memory cannot be written.
        """
        self.session.replace_memory(context, save_dir, print_stats=print_stats)

    def load(self, save_dir: str | Path, print_stats: bool = False) -> None:
        """Open a saved memory; it replaces the memory in use.

        Raises:
            MemoryFileError: If there is none, or it is damaged.
            MemoryMismatchError: If it was built with other models.
        """
        self.session.load(save_dir, print_stats=print_stats)

    def reset(self) -> None:
        """Stop using the memory; it stays on disk."""
        self.session.reset()

    def __call__(
        self,
        *texts: Any,  # noqa: ANN401 - question, context and later arguments
        query: str | None = None,
        context: Context | None = None,
        task_type: str = "memorag",
        prompt_template: str | None = None,
        max_new_tokens: int = 256,
        reset_each_call: bool = False,
        use_memory_answer: bool = False,
    ) -> str:
        """Answer a question; the graph's whole output is in :attr:`result`.

        A ``context`` is memorized first, unless it is the memorized one; it takes precedence over an earlier memory.

        Args:
            texts: The question and the context, in either order. Of two texts, the context is the memorized one, else
                the one that does not end with a question mark, else the longer one. For a single text, see
                ``task_type``. After two texts, the arguments from ``task_type`` on can also be positional.
            query: The question.
            context: The text, LangChain documents, or a loader of them.
            task_type: ``"qa"``: from memory, without retrieval; ``"memorag"``: with retrieved evidence;
                ``"summarize"``: a summary, for which a single text is the context unless it is short and there is a
                memory; ``"lookup"``: with evidence retrieved without clues; ``"auto"``: chosen by the question.
            prompt_template: Prompt of the generator, with ``{evidence}`` (or ``{context}``) and ``{question}`` (or
                ``{input}``).
            max_new_tokens: Maximum tokens of the answer, 10 to 1,024.
            reset_each_call: Drop the memory first.
            use_memory_answer: Draft an answer from memory, and use the draft in retrieval and generation.

        Raises:
            InputError: If an argument is invalid, or there is nothing to ask about.
        """
        if len(texts) > MAX_TEXTS:
            named: dict[str, Any] = {
                "task_type": task_type,
                "prompt_template": prompt_template,
                "max_new_tokens": max_new_tokens,
                "reset_each_call": reset_each_call,
                "use_memory_answer": use_memory_answer,
            }
            named |= later_arguments(texts[MAX_TEXTS:])
            return self(*texts[:MAX_TEXTS], query=query, context=context, **named)
        if reset_each_call:
            self.reset()
        session = self.session
        query, context = question_and_context(
            texts, query, context, task_type, session.holds, has_memory=session.has_memory
        )
        if context is not None:
            self.memorize(context)
        elif not self.session.has_memory:
            raise InputError("context", "there is no memory yet; give a context, or call memorize or load first")
        return self.session.ask(
            query or "",
            task_type,
            max_new_tokens=max_new_tokens,
            use_memory_answer=use_memory_answer,
            prompts={**self.session.options.prompts, **template_for(task_type, prompt_template)},
        )


class MemoRAG(Pipeline):
    """Memory of the whole text in a long-context model, retrieval and generation.

    Args:
        mem_model_name_or_path: Memory model: ``"embedded"``, a directory, or a hub name.
        ret_model_name_or_path: Embedding model.
        gen_model_name_or_path: Generates the answers; by default the memory model.
        customized_gen_model: Generates the answers: an :class:`Agent`, a :class:`Model`, any LangChain chat model.
        ret_hit: Chunks that each query retrieves by embedding, and as many by keywords.
        retrieval_chunk_size: Maximum tokens per retrieval chunk; more in scripts foreign to the tokenizer.
        cache_dir: Directory for downloads from the hub.
        access_token: Token for gated models of the hub.
        beacon_ratio: Tokens of text per beacon, or ``"auto"``; only used by models with beacons.
        load_in_4bit: Load the memory model's weights in 4 bits.
        enable_flash_attn: Use flash attention if the GPU and the dtype support it.
        registry: Keeps models and memories; by default the process's shared one.
        **options: Other fields of :class:`memorag_graph.settings.RunOptions`.

    Raises:
        ModelError: If a model cannot be loaded.
        InputError: If an option is invalid.

    Example:
        >>> pipe = MemoRAG("embedded", ret_model_name_or_path="embedded")
        >>> answer = pipe(text, "Who rebuilt the lighthouse?")
        >>> "Captain Petrie rebuilt it in stone. [1]" in answer
        True
        >>> citation = pipe.result["citations"][0]
        >>> text[citation["start"] : citation["end"]] == citation["quote"]
        True
    """

    kind: MemoryKindName = "full"

    def __init__(
        self,
        mem_model_name_or_path: str,
        ret_model_name_or_path: str = DEFAULT_EMBEDDING_MODEL,
        gen_model_name_or_path: str | None = None,
        customized_gen_model: object | None = None,
        ret_hit: int = _DEFAULTS.hits,
        retrieval_chunk_size: int = _DEFAULTS.retrieval_chunk_size,
        cache_dir: str | None = None,
        access_token: str | None = None,
        beacon_ratio: BeaconRatio | None = None,
        load_in_4bit: bool = False,
        enable_flash_attn: bool = True,
        *,
        registry: Registry | None = None,
        **options: Any,  # noqa: ANN401 - checked by RunOptions
    ) -> None:
        chosen = run_options(
            {
                "kind": self.kind,
                "beacon_ratio": beacon_ratio,
                "model": mem_model_name_or_path,
                "embedding_model": ret_model_name_or_path,
                "generator": gen_model_name_or_path or "",
                "hits": ret_hit,
                "retrieval_chunk_size": retrieval_chunk_size,
                "load_in_4bit": load_in_4bit,
                "enable_flash_attn": enable_flash_attn,
                **options,
            }
        )
        super().__init__(chosen, registry_of(registry, cache_dir, access_token), customized_gen_model)


class MemoRAGLite(MemoRAG):
    """A small model for both memory and generation, which memorizes summaries of the text's sections.

    How many summaries are generated at once depends on the free memory of the GPU, or the free RAM.

    Args:
        gen_model_name_or_path: Builds the memory and generates the answers: ``"embedded"``, a directory, or a hub name.
        ret_model_name_or_path: Embedding model.
        customized_gen_model: Generates the answers instead: an :class:`Agent`, any LangChain chat model.
        ret_hit: Chunks that each query retrieves by embedding, and as many by keywords.
        retrieval_chunk_size: Maximum tokens per retrieval chunk; more in scripts foreign to the tokenizer.
        cache_dir: Directory for downloads from the hub.
        access_token: Token for gated models of the hub.
        load_in_4bit: Load the model's weights in 4 bits.
        enable_flash_attn: Use flash attention if the GPU and the dtype support it.
        registry: Keeps models and memories; by default the process's shared one.
        **options: Other fields of :class:`memorag_graph.settings.RunOptions`.

    Raises:
        ModelError: If a model cannot be loaded.
        InputError: If an option is invalid.

    Example:
        >>> pipe = MemoRAGLite("embedded", ret_model_name_or_path="embedded")
        >>> pipe.memorize(text)
        >>> answer = pipe("Who rebuilt the lighthouse?", task_type="lookup")
        >>> "Captain Petrie rebuilt it in stone. [1]" in answer
        True
    """

    kind: MemoryKindName = "gist"

    def __init__(
        self,
        gen_model_name_or_path: str = DEFAULT_MODEL,
        ret_model_name_or_path: str = DEFAULT_EMBEDDING_MODEL,
        customized_gen_model: object | None = None,
        ret_hit: int = _DEFAULTS.hits,
        retrieval_chunk_size: int = _DEFAULTS.retrieval_chunk_size,
        cache_dir: str | None = None,
        access_token: str | None = None,
        load_in_4bit: bool = False,
        enable_flash_attn: bool = True,
        *,
        registry: Registry | None = None,
        **options: Any,  # noqa: ANN401 - checked by RunOptions
    ) -> None:
        super().__init__(
            gen_model_name_or_path,
            ret_model_name_or_path,
            customized_gen_model=customized_gen_model,
            ret_hit=ret_hit,
            retrieval_chunk_size=retrieval_chunk_size,
            cache_dir=cache_dir,
            access_token=access_token,
            load_in_4bit=load_in_4bit,
            enable_flash_attn=enable_flash_attn,
            registry=registry,
            **options,
        )

    def generate_w_memory(self, instruct: str | Sequence[str], query: str = "", max_new_tokens: int = 256) -> list[str]:
        """Follow instructions from memory; see :meth:`Memory.generate_w_memory`."""
        return self.mem_model.generate_w_memory(instruct, query, max_new_tokens)

    @property
    def recall(self) -> Callable[..., str]:
        """Recall spans; see :meth:`Memory.recall`."""
        return self.mem_model.recall

    @property
    def rewrite(self) -> Callable[..., str]:
        """Rewrite a question; see :meth:`Memory.rewrite`."""
        return self.mem_model.rewrite

    @property
    def answer(self) -> Callable[..., str]:
        """Answer from memory; see :meth:`Memory.answer`."""
        return self.mem_model.answer

    @property
    def summarize(self) -> Callable[..., str]:
        """List the main points; see :meth:`Memory.summarize`."""
        return self.mem_model.summarize
