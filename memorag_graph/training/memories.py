"""Memories of the documents that are learned from, made again for each use; only their notes are kept."""

from pathlib import Path

from memorag_graph.evaluation.workbench import Prepared, Workbench
from memorag_graph.memory.storage.journal import Journal
from memorag_graph.open_memory import OpenMemory

NOTES = "notes.db"


class Memories:
    """Builds the memories of prepared documents.

    Keys and values take much room on disk and little time to compute, unlike notes that the model writes.

    Args:
        bench: The memory model and settings.
        directory: Where notes are kept.
    """

    def __init__(self, bench: Workbench, directory: Path) -> None:
        self._bench = bench
        self._journal = Journal(directory / NOTES)

    def memory(self, prepared: Prepared) -> OpenMemory:
        """Return the memory of a document."""
        model, settings = self._bench.memory_model, self._bench.options.memory_settings
        recipe = model.recipe(self._bench.prompts(prepared), settings, self._bench.embedding_model)
        built = model.build([prepared.document], recipe, journal=self._journal)
        return OpenMemory(built.memory, prepared.both, model)
