"""A run of the graph over a library: what its state names, read from the library anew by each node."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from langchain_core.documents import Document

from memorag_graph.documents import PageMap
from memorag_graph.run_scope import RunScope
from memorag_graph.serialization import to_evidence
from memorag_graph.settings import RunOptions
from memorag_graph.state import GraphState

if TYPE_CHECKING:
    from memorag_graph.library.chosen_index import ChosenIndex
    from memorag_graph.library.entry import Entry
    from memorag_graph.library.find_passages import Passages
    from memorag_graph.library.library import Library
    from memorag_graph.library.memory_clues import DocumentClues
    from memorag_graph.library.snapshot import Snapshot
    from memorag_graph.registry import Registry


class OpenLibraries:
    """The libraries that runs ask, each opened once for each registry."""

    def __init__(self) -> None:
        self._opened: dict[tuple[Registry, str], Library] = {}

    def open(self, named: str, scope: RunScope) -> "Library":
        """Return a library.

        Raises:
            InputError: If the run may not ask it, or it has an embedding model that the caller has to name.
            LibraryError: If there is none, it is damaged, or made by a newer version.
        """
        from memorag_graph.library.library import Library

        key = (scope.registry, scope.library(named))
        if key not in self._opened or not self._opened[key].is_current():
            model, options = scope.options.embedding_model, RunOptions(copies_mb=scope.options.copies_mb)
            self._opened[key] = Library.open(
                key[1], scope.registry, embedding_model=model, create=False, memory="never", options=options
            )
        return self._opened[key]


@dataclass(frozen=True, eq=False, slots=True)
class LibraryRun:
    """What a node needs of a run.

    Attributes:
        library: The library.
        state: The state of the run.
        scope: What the run may use.
    """

    library: "Library"
    state: GraphState
    scope: RunScope

    @property
    def options(self) -> RunOptions:
        """The options of the run."""
        return self.scope.options

    @property
    def snapshot(self) -> "Snapshot":
        """The documents that may be used."""
        from memorag_graph.library.snapshot import Snapshot

        entries = self.library.stores.catalogue.entries()
        return Snapshot.of(entries, self.state.get("thread_where"), self.state.get("thread_as_of"))

    @property
    def searched(self) -> "list[Entry]":
        """The chosen documents that still exist, the best first."""
        return self.entries([it["id"] for it in self.state["considered"] if it["searched"]])

    @property
    def clues(self) -> "list[DocumentClues]":
        """What memories recalled."""
        from memorag_graph.library.memory_clues import DocumentClues

        return [DocumentClues.from_dict(it) for it in self.state.get("document_clues", [])]

    def entries(self, ids: Sequence[int]) -> "list[Entry]":
        """Return the versions with some ids that still exist."""
        known = {entry.id: entry for entry in self.library.stores.catalogue.entries()}
        return [known[it] for it in ids if it in known]

    def passages(self) -> "Passages":
        """Return the evidence of the state, checked against the documents, without that of removed ones.

        Raises:
            InputError: If a passage was rewritten.
        """
        from memorag_graph.library.chosen_index import ChosenIndex
        from memorag_graph.library.find_passages import Passages

        searched, stores = self.searched, self.library.stores
        weights = stores.meaning_weights(dict.fromkeys(entry.language for entry in searched))
        words, embeddings = self.state["question"], self.library.embeddings
        index = ChosenIndex.over(words, searched, stores, embeddings, weights) if searched else None
        if index is None:
            return Passages([], None, [], [])
        names, of_documents = {entry.name for entry in searched}, _Documents(index)
        given = [it for it in self.state.get("evidence", []) if _source_of(it) in names]
        return Passages([to_evidence(it, of_documents) for it in given], index, searched, [])


@dataclass(frozen=True, slots=True)
class _Documents:
    """Documents against which passages are checked."""

    index: "ChosenIndex"

    @property
    def page_maps(self) -> Mapping[str, PageMap]:
        """The pages and sections of each document, by its name."""
        return self.index.page_maps


def _source_of(document: Document | Mapping[str, Any]) -> str:
    """Return the document that a passage of the state is from; it is a mapping if it came through a server."""
    found = document if isinstance(document, Document) else Document(**document.get("kwargs", document))
    return str(found.metadata.get("source", ""))
