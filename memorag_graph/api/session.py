"""What the classes share: models by name, one memory, and the graph that answers from it."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from langchain_core.document_loaders import BaseLoader
from langchain_core.documents import Document as LangChainDocument

from memorag_graph.api.stats import reporting, show_stats
from memorag_graph.documents import Document, from_langchain, from_text
from memorag_graph.errors import InputError
from memorag_graph.graph import build_graph
from memorag_graph.graph import registry as shared_registry
from memorag_graph.memory.storage.manifest import find_memory, read_info
from memorag_graph.registry import Registry
from memorag_graph.settings import RunOptions, run_options

if TYPE_CHECKING:
    from memorag_graph.clues.recall import MemoryRecall
    from memorag_graph.open_memories import OpenMemory

Context = str | BaseLoader | Iterable[LangChainDocument]
"""What can be memorized: a text, or what a LangChain loader gives."""

_MEMORY_FILE = "memory.bin"
_LONGEST_PATH = 1024


class Session:
    """Models by name, and one memory at a time.

    Args:
        registry: Where models and memories are kept.
        options: Which models, and how they are used.
    """

    def __init__(self, registry: Registry, options: RunOptions) -> None:
        self.registry = registry
        self.options = options
        self.result: dict[str, Any] = {}
        """All that the graph found for the last answer: citations, evidence, clues, notices."""
        self._graph = build_graph(registry)
        self._place: str | None = None

    @property
    def has_memory(self) -> bool:
        """Whether there is a memory to ask."""
        return self._place is not None

    def replace_memory(self, context: Context, save_dir: str | Path | None, *, print_stats: bool) -> None:
        """Memorize a text, or open the memory that there is of it; it takes the place of the one before."""
        documents = read_context(context)
        if save_dir is None and self._holds(documents):
            return
        directory = directory_of(save_dir) if save_dir else None
        with reporting(print_stats) as report:
            opened = self.registry.memorize(documents, self.options, directory, report)
        self._keep(opened, str(directory or opened.memory.id), print_stats)

    def load(self, save_dir: str | Path, *, print_stats: bool) -> None:
        """Open a saved memory; it takes the place of the one before."""
        place = str(directory_of(save_dir))
        self._keep(self.registry.open(place, self.options), place, print_stats)

    def save(self, save_dir: str | Path) -> None:
        """Write the memory to a directory.

        Raises:
            InputError: If there is no memory.
            MemoryFileError: If the directory cannot be written, or a file there would be replaced that is no memory's.
        """
        from memorag_graph.memory.storage.memory_files import FILES, save_memory
        from memorag_graph.memory.storage.transaction import require_free

        opened, directory = self.opened(), directory_of(save_dir)
        require_free(directory, FILES)
        save_memory(directory, opened.memory, opened.index)

    def reset(self) -> None:
        """Forget the memory; it stays on disk."""
        self._place = None

    def holds(self, text: str) -> bool:
        """Tell whether a text is the one that was memorized."""
        return bool(text.strip()) and self._holds([from_text(text)])

    def opened(self) -> "OpenMemory":
        """Return the memory.

        Raises:
            InputError: If there is none.
        """
        if self._place is None:
            raise InputError("context", "there is no memory yet; call memorize(context) or load(save_dir) first")
        return self.registry.open(self._place, self.options)

    def recollection(self, **changes: Any) -> "MemoryRecall":  # noqa: ANN401 - fields of MemoryChat
        """Return what asks the memory; ``changes`` are fields of the memory's chat model."""
        from memorag_graph.clues.recall import MemoryRecall
        from memorag_graph.clues.sharded_chat import ShardedChat

        opened = self.opened()
        chat = opened.chat(self.options).model_copy(update=changes)
        return MemoryRecall(ShardedChat(chat), opened.prompts(self.options), opened.memory.notes)

    def ask(self, query: str, task_type: str, **changes: Any) -> str:  # noqa: ANN401 - fields of RunOptions
        """Answer a question with the graph; all that was found is in :attr:`result`.

        Raises:
            InputError: If there is no memory, or the task or an option cannot be used.
        """
        self.opened()
        options = run_options({**self.options.model_dump(), **changes})
        given: Any = {"memory_id": self._place, "query": query, "task_type": task_type}
        self.result = self._graph.invoke(given, context=options)
        return str(self.result["answer"])

    def _holds(self, documents: Sequence[Document]) -> bool:
        """Tell whether the memory is that of just these documents."""
        if self._place is None:
            return False
        held = [(it.source, it.sha256) for it in self.opened().memory.documents]
        return held == [(it.source, it.sha256) for it in documents]

    def _keep(self, opened: "OpenMemory", place: str, print_stats: bool) -> None:
        self._place = place
        if print_stats:
            show_stats(read_info(find_memory(place, self.registry.store.root)))


def registry_of(registry: Registry | None, cache_dir: str | None, access_token: str | None) -> Registry:
    """Return the given registry, or the process's own; one of its own for another hub directory or token."""
    if registry is not None:
        return registry
    if cache_dir or access_token:
        return Registry(cache_dir=cache_dir or None, access_token=access_token or None)
    return shared_registry


def read_context(context: Context) -> Sequence[Document]:
    """Make documents of what is to be memorized.

    Raises:
        InputError: If it holds no text, or is of another type.
    """
    if isinstance(context, str):
        if len(context) < _LONGEST_PATH and "\n" not in context and Path(context).is_file():
            raise InputError("context", f"{context!r} names a file; give its text: Path({context!r}).read_text()")
        return [from_text(context)]
    if isinstance(context, Path):
        raise InputError("context", "must be a text; give path.read_text(), or a LangChain loader for other formats")
    if isinstance(context, LangChainDocument):
        return from_langchain([context])
    if isinstance(context, bytes):
        raise InputError("context", "must be a text, not bytes; decode them first")
    if isinstance(context, BaseLoader):
        return from_langchain(context.lazy_load())
    if isinstance(context, Iterable):
        parts = list(context)
        if parts and all(isinstance(part, str) for part in parts):
            raise InputError("context", "must be one text; join the texts, or make a LangChain document of each")
        return from_langchain(parts)
    raise InputError("context", f"must be a text, documents or a loader, not {type(context).__name__}")


def directory_of(path: str | Path) -> Path:
    """Return the directory of a memory, which may also be named by its file ``memory.bin``."""
    path = Path(path)
    return path.parent if path.name == _MEMORY_FILE and not path.is_dir() else path
