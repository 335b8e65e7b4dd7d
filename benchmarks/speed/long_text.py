"""Compare the time of a question over a million tokens of text with one over fifty thousand.

Instead of generating gists, which would take an hour and does not affect the time of a question, the journal is filled
with the beginnings of the sections, as if an interrupted build had written them. The text is the example, repeated
with its paragraphs in a different order each time.

    long_text.py DOCUMENT DIRECTORY
"""

import json
import random
import statistics
import sys
import time
from pathlib import Path

from memorag_graph.documents import Document
from memorag_graph.graph import build_graph
from memorag_graph.memory.build.builder import Recipe
from memorag_graph.memory.kv_memory import Identity
from memorag_graph.memory.storage.journal import JOURNAL, Journal
from memorag_graph.models.embedded import EMBEDDED
from memorag_graph.models.loading import silence_libraries
from memorag_graph.progress import ignore_progress
from memorag_graph.prompts import Prompts
from memorag_graph.registry import Registry
from memorag_graph.settings import RunOptions
from memorag_graph.state import GraphInput
from memorag_graph.text.chunking import split_sections
from memorag_graph.text.languages import language

SHORT, LONG = 50_000, 1_000_000
QUESTIONS = (
    "How many people did the ships carry across the Garrow?",
    "What became of the Tarvay Star?",
    "How low did the company's cash headroom fall during the pandemic, and when?",
)
_REPEATS = 2


def document(text: str, copies: int) -> Document:
    """Return copies of a text, each with its paragraphs in a different order."""
    paragraphs = text.split("\n\n")
    shuffled = [random.Random(seed).sample(paragraphs, len(paragraphs)) for seed in range(copies)]
    return Document(source="text", text="\n\n".join(paragraph for copy in shuffled for paragraph in copy))


class LongTexts:
    """Builds memories of long texts and times questions over them."""

    def __init__(self, directory: Path) -> None:
        silence_libraries()
        self._directory = directory
        self._options = RunOptions(model=EMBEDDED, gist_writer="model")
        self._registry = Registry()
        self._model = self._registry.models.memory_model(EMBEDDED, self._options)
        self._registry.models.embeddings(EMBEDDED)
        self._graph = build_graph(self._registry)

    def memorize(self, text: str, tokens: int) -> dict[str, object]:
        """Memorize this many tokens of copies of a text."""
        whole = document(text, 1 + tokens // self._model.language_model.count(text))
        share = tokens / self._model.language_model.count(whole.text)
        cut = Document(source="text", text=whole.text[: int(len(whole.text) * share)])
        place = self._directory / str(tokens)
        self._fill_journal(cut, place / JOURNAL)
        opened = self._registry.memorize([cut], self._options, place)
        return {
            "tokens": opened.memory.context_tokens,
            "memory_tokens": opened.memory.memory_tokens,
            "shards": len(opened.memory.shards),
            "chunks": len(opened.index.chunks),
        }

    def seconds(self, tokens: int, question: str) -> float:
        """Return the seconds that a question takes."""
        began = time.perf_counter()
        self._graph.invoke(
            GraphInput(memory_id=str(self._directory / str(tokens)), query=question), context=self._options
        )
        return time.perf_counter() - began

    def _fill_journal(self, text: Document, place: Path) -> None:
        """Store the beginning of each section as its gist."""
        model, settings = self._model.language_model, self._options.memory_settings
        recipe = Recipe(Prompts(language("en")), settings, Identity.of(model, EMBEDDED))
        kind = self._model._kind(recipe, Journal(), ignore_progress)
        place.parent.mkdir(parents=True, exist_ok=True)
        journal = Journal(place)
        for section in split_sections(text.text, model, kind.section_tokens):
            section_text = text.text[section.start : section.end]
            journal.add(kind.key(section_text), section_text[: 3 * settings.gist_tokens])


def main() -> None:
    """Print the measurements as JSON."""
    text = Path(sys.argv[1]).read_text(encoding="utf-8")
    texts = LongTexts(Path(sys.argv[2]))
    sizes = {str(tokens): texts.memorize(text, tokens) for tokens in (SHORT, LONG)}
    times: dict[int, list[float]] = {SHORT: [], LONG: []}
    for _ in range(_REPEATS):
        for question in QUESTIONS:
            for tokens, found in times.items():
                found.append(texts.seconds(tokens, question))
    medians = {tokens: statistics.median(found) for tokens, found in times.items()}
    result = {"sizes": sizes, "seconds": medians, "all_seconds": times}
    print(json.dumps(result | {"ratio": medians[LONG] / medians[SHORT]}))


if __name__ == "__main__":
    main()
