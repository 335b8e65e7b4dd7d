"""State shared by the API classes: a registry of models, one memory, and the graph that answers from it."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from langchain_core.document_loaders import BaseLoader
from langchain_core.documents import Document as LangChainDocument

from memorag_graph.api.stats import reporting, show_stats
from memorag_graph.documents import Document, from_langchain, from_text
from memorag_graph.errors import InputError, MemoryFileError
from memorag_graph.graph import build_graph
from memorag_graph.graph import registry as shared_registry
from memorag_graph.memory.storage.manifest import find_memory, read_info
from memorag_graph.models.loading import absolute_name
from memorag_graph.registry import Registry
from memorag_graph.settings import RunOptions, run_options

if TYPE_CHECKING:
    from memorag_graph.clues.recall import MemoryRecall
    from memorag_graph.open_memory import OpenMemory

Context = str | BaseLoader | Iterable[LangChainDocument]
"""Content to memorize: a text, LangChain documents, or a loader of them."""

_MEMORY_FILE = "memory.bin"
_MAX_PATH_LENGTH = 1024
_MODEL_OPTIONS = ("model", "embedding_model", "generator", "reranker")


class Session:
    """A registry of models and one memory at a time.

    Relative paths of models and memories are resolved when they are given, so a later ``os.chdir`` does not matter.

    Args:
        registry: Keeps models and memories.
        options: Models and settings.
    """

    def __init__(self, registry: Registry, options: RunOptions) -> None:
        self.registry = registry
        self.options = _with_absolute_names(options, registry)
        self.result: dict[str, Any] = {}
        """The graph's whole output for the last answer: citations, evidence, clues, notices."""
        self._graph = build_graph(registry)
        self._place: str | None = None
        self._fingerprints: list[tuple[str, str]] = []

    @property
    def has_memory(self) -> bool:
        """Whether a memory is in use."""
        return self._place is not None

    def replace_memory(self, context: Context, save_dir: str | Path | None, *, print_stats: bool) -> None:
        """Memorize a text, or open its existing memory; it replaces the memory in use.

        The earlier memory is not read, so its files may be missing or damaged.
        """
        documents = read_context(context)
        if save_dir is None and self._holds(documents):
            with suppress(MemoryFileError):  # missing or damaged: memorize the text again
                self._open()
                return
        directory = directory_of(save_dir) if save_dir else None
        with reporting(print_stats) as report:
            opened = self.registry.memorize(documents, self.options, directory, report)
        self._keep(opened, str(directory or opened.memory.id), print_stats)

    def load(self, save_dir: str | Path, *, print_stats: bool) -> None:
        """Open a saved memory; it replaces the memory in use."""
        place = str(directory_of(save_dir))
        self._keep(self.registry.open(place, self.options), place, print_stats)

    def save(self, save_dir: str | Path) -> None:
        """Write the memory to a directory.

        Raises:
            InputError: If there is no memory.
            MemoryFileError: If the directory cannot be written, or holds files of another origin under the same names.
        """
        from memorag_graph.memory.storage.memory_files import FILES, save_memory
        from memorag_graph.memory.storage.transaction import require_free

        opened, directory = self.opened(), directory_of(save_dir)
        require_free(directory, FILES)
        save_memory(directory, opened.memory, opened.index)

    def reset(self) -> None:
        """Stop using the memory; it stays on disk."""
        self._place = None

    def holds(self, text: str) -> bool:
        """Return whether a text is the memorized one."""
        return bool(text.strip()) and self._holds([from_text(text)])

    def opened(self) -> "OpenMemory":
        """Return the memory in use, which is made now if it was only begun.

        Raises:
            InputError: If there is none, or it is never to be made.
            MemoryFileError: If its files are gone or damaged.
        """
        return self.registry.whole(self._in_use(), self.options)

    def recollection(self, **changes: Any) -> "MemoryRecall":  # noqa: ANN401 - fields of MemoryChat
        """Return the recall interface of the memory; ``changes`` are fields of the memory's chat model."""
        from memorag_graph.clues.recall import MemoryRecall
        from memorag_graph.clues.sharded_chat import ShardedChat

        opened = self.opened()
        chat = opened.chat(self.options).model_copy(update=changes)
        return MemoryRecall(ShardedChat(chat), opened.prompts(self.options), opened.memory.notes)

    def ask(self, query: str, task_type: str, **changes: Any) -> str:  # noqa: ANN401 - fields of RunOptions
        """Answer a question with the graph, and keep its whole output in :attr:`result`.

        Raises:
            InputError: If there is no memory, or the task or an option cannot be used.
        """
        self._open()
        options = run_options({**self.options.model_dump(), **changes})
        graph_input: Any = {"memory_id": self._place, "query": query, "task_type": task_type}
        self.result = self._graph.invoke(graph_input, context=options)
        return str(self.result["answer"])

    def _in_use(self) -> str:
        if self._place is None:
            raise InputError("context", "there is no memory yet; call memorize(context) or load(save_dir) first")
        return self._place

    def _open(self) -> "OpenMemory":
        return self.registry.open(self._in_use(), self.options)

    def _holds(self, documents: Sequence[Document]) -> bool:
        """Return whether the memory in use was built from exactly these documents, without reading its files."""
        fingerprints = [(document.source, document.sha256) for document in documents]
        return self._place is not None and self._fingerprints == fingerprints

    def _keep(self, opened: "OpenMemory", place: str, print_stats: bool) -> None:
        self._place = place
        self._fingerprints = [(document.source, document.sha256) for document in opened.memory.documents]
        if print_stats:
            show_stats(read_info(find_memory(place, self.registry.store.root)))


def registry_of(registry: Registry | None, cache_dir: str | None, access_token: str | None) -> Registry:
    """Return the given registry, a new one for a hub directory or token, or the process's shared one."""
    if registry is not None:
        return registry
    if cache_dir or access_token:
        return Registry(
            cache_dir=str(Path(cache_dir).absolute()) if cache_dir else None, access_token=access_token or None
        )
    return shared_registry


def read_context(context: Context) -> Sequence[Document]:
    """Convert content to documents.

    Raises:
        InputError: If it holds no text, or is of another type.
    """
    if isinstance(context, str):
        if _names_file(context):
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


def _names_file(text: str) -> bool:
    with suppress(OSError):  # too long for a file name
        return len(text) < _MAX_PATH_LENGTH and Path(text).is_file()
    return False


def directory_of(path: str | Path) -> Path:
    """Return the absolute directory of a memory, which may also be named by its file ``memory.bin``."""
    path = Path(path).absolute()
    return path.parent if path.name == _MEMORY_FILE and not path.is_dir() else path


def _with_absolute_names(options: RunOptions, registry: Registry) -> RunOptions:
    """Return the options with absolute paths for models that are directories; registered names stay."""
    registered = registry.models.loaded_models()
    names = {field: str(getattr(options, field)) for field in _MODEL_OPTIONS}
    found = {field: absolute_name(name) for field, name in names.items() if name and name not in registered}
    return options.model_copy(update=found)
