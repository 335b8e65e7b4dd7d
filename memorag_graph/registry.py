"""What a process keeps loaded: models, memories and their indexes, reached by name and id.

Graph state holds only ids; tensors and models live here.
"""

import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from memorag_graph.documents import Document, with_distinct_names
from memorag_graph.errors import InputError, MemoryFileError
from memorag_graph.languages import detect_language
from memorag_graph.memory.atomic import require_free, require_writable
from memorag_graph.memory.journal import JOURNAL, Journal
from memorag_graph.memory.manifest import find_memory, read_info, remember_place
from memorag_graph.memory.store import MemoryStore
from memorag_graph.model_registry import NO_INDEX, ModelRegistry
from memorag_graph.models.embedded import EMBEDDED
from memorag_graph.models.loading import default_embedding_model
from memorag_graph.opened import LoadedMemories, OpenMemory
from memorag_graph.progress import ReportProgress, ignore_progress
from memorag_graph.prompts import Prompts
from memorag_graph.settings import RunOptions

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from memorag_graph.memory.memory import Memory
    from memorag_graph.memory.revision import Listed

Form = Callable[[Journal], OpenMemory]


class Registry(ModelRegistry):
    """Loads models and memories once and hands them out. Safe for many threads.

    Args:
        store: Where memories without a directory of their own are kept; by default the user's, without a quota.
        memory_budget: Most bytes of keys and values of open memories, of which the least recently used are let go;
            by default a quarter of the machine's memory.
        cache_dir: Where downloads from the model hub are kept; by default the library's place.
        access_token: Token for gated models of the hub.

    Raises:
        InputError: If the budget is not positive.
    """

    def __init__(
        self,
        store: MemoryStore | None = None,
        *,
        memory_budget: int | None = None,
        cache_dir: str | None = None,
        access_token: str | None = None,
    ) -> None:
        super().__init__(cache_dir=cache_dir, access_token=access_token)
        self.store = store or MemoryStore()
        self._loaded = LoadedMemories(memory_budget)

    def memorize(
        self,
        documents: Sequence[Document],
        options: RunOptions,
        directory: Path | None = None,
        report: ReportProgress = ignore_progress,
    ) -> OpenMemory:
        """Return the memory of documents: the one there is, or a new one, which is saved.

        Args:
            documents: What to memorize.
            options: Models, settings and prompts.
            directory: Where it is kept; by default in the user's directory, by its id.
            report: Called as the work goes on.

        Raises:
            InputError: If the text or an option cannot be used.
            ModelError: If a model cannot be loaded.
            MemoryFileError: If the memory cannot be written.
        """
        from memorag_graph.memory.indexing import index_memory
        from memorag_graph.memory.memory import Identity, memory_id

        if not documents:
            raise InputError("documents", "nothing to memorize; give at least one document")
        documents = with_distinct_names(documents)
        model = self.memory_model(options.model or EMBEDDED, options)
        embedding_model = options.embedding_model or default_embedding_model(model.language_model.name)
        embedding_model = "" if options.index == NO_INDEX else self.embedding_name(embedding_model)
        index_kind = self.index_kind(options.index)
        prompts = Prompts(detect_language(documents[0].text), options.prompts)
        identity = Identity.of(model.language_model, embedding_model)
        settings = model.settled(options.memory_settings)
        address = memory_id(documents, identity, settings, prompts)

        def form(journal: Journal) -> OpenMemory:
            if (loaded := self._loaded.get(address)) is not None:
                return loaded
            memory = model.memorize(
                documents,
                prompts,
                settings,
                embedding_model=embedding_model,
                journal=journal,
                report=report,
            )
            embeddings = self.embeddings(embedding_model)
            tokens = model.language_model
            index = index_memory(memory, documents, tokens, embeddings, kind=index_kind, report=report)
            return OpenMemory(memory, index, model)

        return self._get_or_create(address, directory or self.store.directory(address), options, form, report)

    def revise(
        self,
        place: str | Path,
        change: "Callable[[Memory], Listed]",
        options: RunOptions,
        report: ReportProgress = ignore_progress,
    ) -> OpenMemory:
        """Change the documents of a saved memory.

        A memory in a directory of its own is replaced there; one of the store stays beside the new one.

        Args:
            place: The memory's id or directory.
            change: Returns the new list of documents; see :mod:`memorag_graph.memory.revision`.
            options: Models to use instead of the memory's own, which must be equal to them.
            report: Called as the work goes on.

        Raises:
            InputError: If the change cannot be made.
            MemoryFileError: If the memory is missing, damaged or cannot be written; it is as it was then.
            MemoryMismatchError: If it was made with other models than those in use.
        """
        from memorag_graph.memory.indexing import index_memory
        from memorag_graph.memory.memory import memory_id

        directory = find_memory(place, self.store.root)
        before = self.open(directory, options)
        old = before.memory
        documents = change(old)
        address = memory_id(documents, old.identity, old.settings, old.prompts)
        target = self.store.directory(address) if self.store.keeps(directory) else directory

        def form(journal: Journal) -> OpenMemory:
            if target == directory and read_info(directory)["memory_id"] != old.id:
                raise MemoryFileError(f"{directory} was changed by another process meanwhile; run the command again")
            if (loaded := self._loaded.get(address)) is not None:
                return loaded
            memory = before.model.revise(old, documents, journal=journal, report=report)
            index = index_memory(
                memory,
                documents,
                before.model.language_model,
                self.embeddings(old.identity.embedding_model),
                kind=self.index_kind(old.settings.index),
                known=(old, before.index),
                report=report,
            )
            return OpenMemory(memory, index, before.model)

        after = self._get_or_create(address, target, options, form, report)
        if target == directory and address != old.id:
            self.forget(old.id)
        return after

    def open(self, place: str | Path, options: RunOptions) -> OpenMemory:
        """Return a saved memory by its id or directory.

        Raises:
            MemoryFileError: If there is none or it is damaged.
            MemoryMismatchError: If it was made with other models than those in use.
            ModelError: If its models cannot be loaded.
        """
        from memorag_graph.memory.memory import require_ratio

        opened = self._loaded.get(str(place))
        if opened is not None:
            require_ratio(opened.memory.settings, options.beacon_ratio)
            return opened.used_with(self.models_of(opened.memory.identity, options)[0])
        directory = find_memory(place, self.store.root)
        while True:
            address = str(read_info(directory)["memory_id"])
            try:
                with self._lock_of(address):
                    return self._open(directory, address, options)
            except MemoryFileError:
                if read_info(directory)["memory_id"] == address:  # else it was replaced meanwhile
                    raise

    def forget(self, memory_id: str) -> None:
        """Let go of an open memory; it stays on disk, and usable for whoever holds it."""
        self._loaded.drop(memory_id)

    def chat(self, name: str, opened: OpenMemory, options: RunOptions) -> "BaseChatModel":
        """Return a chat model without a memory: one that was added, the memory's own, or another by name."""
        from memorag_graph.memory.chat import MemoryChat
        from memorag_graph.models.sampling import NO_REPEAT

        if (added := self.added_chat_model(name)) is not None:
            return added
        own = name == opened.memory.identity.model
        model = opened.model if own else self.memory_model(name, options)
        return MemoryChat(
            memory_model=model,
            max_new_tokens=options.max_new_tokens,
            temperature=options.temperature,
            no_repeat=NO_REPEAT,
        )

    def _get_or_create(
        self, address: str, directory: Path, options: RunOptions, form: Form, report: ReportProgress
    ) -> OpenMemory:
        """Return the memory of an address, made and saved first where the directory does not hold it undamaged."""
        from memorag_graph.memory.files import FILES, save_memory

        if not self.store.keeps(directory):  # what is in the store is ours, however damaged
            require_free(directory, FILES)
        journal = Journal(directory / JOURNAL)

        def open_it(place: Path) -> OpenMemory:
            opened = self._open(place, address, options)
            journal.forget([note.key for note in opened.memory.notes])
            return opened

        def create(place: Path) -> OpenMemory:
            formed = form(journal)
            save_memory(place, formed.memory, formed.index)
            journal.clear()
            self.forget(address)  # what was formed is on the heap, what is opened is mapped
            return self._open(place, address, options)

        with self._lock_of(address):
            try:
                require_writable(directory)
            except MemoryFileError as unwritable:
                with suppress(MemoryFileError):
                    return self._open(directory, address, options)
                raise unwritable from None
            opened = self.store.get_or_create(address, open_it, create, directory, report)
        if not self.store.keeps(directory):
            remember_place(self.store.root, address, directory)
        return opened

    def _open(self, directory: Path, address: str, options: RunOptions) -> OpenMemory:
        """Return a memory that a directory holds.

        Raises:
            MemoryFileError: If it holds none, another one, or a damaged one.
        """
        from memorag_graph.memory.files import load_memory, read_identity
        from memorag_graph.memory.memory import require_ratio

        info = read_info(directory)
        if info["memory_id"] != address:
            raise MemoryFileError(f"{directory} holds another memory than {address}")
        model, embeddings = self.models_of(read_identity(info), options)
        opened = self._loaded.get(address)
        if opened is None:
            memory, index = load_memory(
                directory,
                embeddings,
                memory_id=address,
                check=options.file_check,
                device=model.device,
                index_kind=self.index_kind(info["settings"].get("index", options.index)),
            )
            opened = OpenMemory(memory, index, model)
            self._keep(opened, directory)
        require_ratio(opened.memory.settings, options.beacon_ratio)
        if self.store.keeps(directory):
            self.store.touch(address)
        return opened.used_with(model)

    def _keep(self, opened: OpenMemory, directory: Path) -> None:
        """Keep a memory open; while anybody holds it, the store does not remove it."""
        if self.store.keeps(directory):
            with suppress(OSError):  # nothing is removed from a store that cannot be written
                weakref.finalize(opened, self.store.lease(opened.memory.id).release)
        self._loaded.put(opened)
