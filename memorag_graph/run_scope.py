"""What one run may use: a registry, options, and the files and memories that it may name."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from langgraph.runtime import Runtime

from memorag_graph.context_options import options_of_run
from memorag_graph.documents import Document, read_documents
from memorag_graph.open_memory import OpenMemory
from memorag_graph.progress import ReportProgress
from memorag_graph.registry import Registry
from memorag_graph.settings import RunOptions


class RunScope(Protocol):
    """What one run may use."""

    @property
    def registry(self) -> Registry:
        """The models and memories."""

    @property
    def options(self) -> RunOptions:
        """The options of the run."""

    def read(self, files: Sequence[str]) -> Sequence[Document]:
        """Read the files that an input names."""

    def memorize(self, documents: Sequence[Document], save_dir: str | None, report: ReportProgress) -> OpenMemory:
        """Return the memory of documents in the directory that an input names, or in the store."""

    def memory(self, named: str) -> str:
        """Return the id or directory of the memory that an input or a thread names."""

    def library(self, named: str) -> str:
        """Return the directory of the library that an input or a thread names."""

    def spend(self, tokens: int) -> None:
        """Note that a node generated tokens."""

    def telling(self, library: str) -> AbstractContextManager[None]:
        """Have a node fail with what whoever runs the graph may read of the library that is asked, if one is."""


ScopeOf = Callable[[Runtime[Any]], RunScope]
"""Returns the scope of the run that a node belongs to."""


@dataclass(frozen=True)
class ProgramScope:
    """The scope of a program that runs the graph itself: everything that the program may read and write."""

    registry: Registry
    options: RunOptions

    def read(self, files: Sequence[str]) -> Sequence[Document]:
        """Read any files."""
        return read_documents(files, encoding=self.options.encoding or None)

    def memorize(self, documents: Sequence[Document], save_dir: str | None, report: ReportProgress) -> OpenMemory:
        """Memorize in any directory."""
        return self.registry.memorize(documents, self.options, Path(save_dir) if save_dir else None, report)

    def memory(self, named: str) -> str:
        """Allow any id and any directory."""
        return named

    def library(self, named: str) -> str:
        """Allow any directory."""
        return named

    def spend(self, tokens: int) -> None:
        """Ignore the tokens: a program has no quota."""

    def telling(self, library: str) -> AbstractContextManager[None]:
        """Tell everything."""
        return nullcontext()


def program_scope(registry: Registry) -> ScopeOf:
    """Return the scope of a program's runs: the registry, and the options of their context or config."""
    return lambda runtime: ProgramScope(registry, options_of_run(runtime.context))
