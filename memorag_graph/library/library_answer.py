"""Answer a question from a library: citations name the document, its version, page and section."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from memorag_graph.documents import clean_text
from memorag_graph.errors import InputError, LibraryError
from memorag_graph.generation.answer import Answer, Citation, GenerationInput
from memorag_graph.generation.choose_generator import choose_generator
from memorag_graph.library.find_passages import Passages, find_passages
from memorag_graph.library.route import Ranking
from memorag_graph.library.snapshot import AsOf, Snapshot
from memorag_graph.library.stores import Stores
from memorag_graph.library.where import Where
from memorag_graph.models.embedded import EMBEDDED
from memorag_graph.prompts import Prompts
from memorag_graph.retrieval.list_matches import Reach, reach
from memorag_graph.retrieval.retrieve import Evidence, listed_places
from memorag_graph.serialization import from_answer, to_documents
from memorag_graph.settings import RunOptions
from memorag_graph.text.languages import language

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings
    from langchain_core.language_models import BaseChatModel

    from memorag_graph.registry import Registry

_MOST_CONSIDERED = 20


@dataclass(frozen=True, slots=True)
class ConsideredDocument:
    """A document that was considered for a question, and why.

    Attributes:
        name: Its name.
        version: Number of its version.
        searched: Whether its chunks were searched for evidence.
        cited: Whether the answer cites it.
        score: Score in the fused ranking of documents.
        places: Its place in each ranking that found it, from 1 on.
    """

    name: str
    version: int
    searched: bool
    cited: bool
    score: float
    places: Mapping[Ranking, int]


@dataclass(frozen=True, slots=True)
class LibraryAnswer:
    """An answer from a library.

    Attributes:
        question: The question.
        answer: The answer with its checks.
        evidence: The passages it was made from, by document and place.
        considered: The documents that the question may be about, the best first.
        versions: The version of each document that was searched.
        timings: Seconds of each step.
    """

    question: str
    answer: Answer
    evidence: Sequence[Evidence]
    considered: Sequence[ConsideredDocument]
    versions: Mapping[str, int]
    timings: Mapping[str, float] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The text of the answer; marks like ``[1]`` name evidence passages."""
        return self.answer.text

    @property
    def citations(self) -> Sequence[Citation]:
        """The citations, in the order of the marks; their ``source`` is the document's name."""
        return self.answer.citations

    def to_dict(self) -> dict[str, Any]:
        """Return the answer as plain values, as the graph's output has them; citations have a ``version``."""
        found = from_answer(self.answer)
        citations = [{**citation, "version": self.versions.get(citation["source"])} for citation in found["citations"]]
        evidence = [{"text": it.page_content, **it.metadata} for it in to_documents(self.evidence)]
        considered = [{**asdict(it), "places": dict(it.places)} for it in self.considered]
        return {
            "question": self.question,
            "asked": self.question,
            **found,
            "citations": citations,
            "considered": considered,
            "evidence": [{**it, "version": self.versions.get(it["source"])} for it in evidence],
            "timings": dict(self.timings),
        }


def ask_library(
    question: str,
    stores: Stores,
    embeddings: "Embeddings",
    registry: "Registry",
    options: RunOptions,
    where: Where | None = None,
    as_of: AsOf | None = None,
) -> LibraryAnswer:
    """Answer a question; see :meth:`memorag_graph.library.library.Library.ask`."""
    question, start = clean_text(question).strip(), time.perf_counter()
    if not question:
        raise InputError("question", "is empty; ask something")
    snapshot, passages = _passages(question, stores, embeddings, registry, options, where, as_of)
    found = time.perf_counter()
    answer = _answer(question, passages, snapshot, embeddings, registry, options)
    timings = {"retrieve": round(found - start, 3), "generate": round(time.perf_counter() - found, 3)}
    versions = {entry.name: entry.version for entry in passages.searched}
    considered = _considered(passages, snapshot, answer)
    return LibraryAnswer(question, answer, passages.evidence, considered, versions, timings)


def _passages(
    question: str,
    stores: Stores,
    embeddings: "Embeddings",
    registry: "Registry",
    options: RunOptions,
    where: Where | None,
    as_of: AsOf | None,
) -> tuple[Snapshot, Passages]:
    """Find passages; again if the library changes meanwhile, so that none comes from a removed document."""
    reranker = registry.models.reranker(options.reranker)
    while True:
        entries = stores.catalogue.entries()
        snapshot = Snapshot.of(entries, where, as_of)
        try:
            passages = find_passages(question, stores, snapshot, embeddings, options, reranker)
        except LibraryError:
            if stores.catalogue.entries() is entries:
                raise
            continue
        now = {entry.id for entry in stores.catalogue.entries()}
        if all(entry.id in now for entry in passages.searched):
            return snapshot, passages


def _answer(
    question: str,
    passages: Passages,
    snapshot: Snapshot,
    embeddings: "Embeddings",
    registry: "Registry",
    options: RunOptions,
) -> Answer:
    """Write an answer from passages; without any, it says that no passage matches.

    Raises:
        InputError: If the generator cannot be used.
        ModelError: If its model cannot be loaded.
        MissingExtraError: If a package for it is not installed.
    """
    index = passages.index

    def local_chat(name: str) -> "BaseChatModel":
        return registry.chat(name, options)

    given = GenerationInput(
        question=question,
        task_type="lookup",
        evidence=passages.evidence,
        outline=[],
        draft="",
        prompts=Prompts(language(index.language_code if index else "en"), options.prompts),
        rarity=index.keywords.rarity(question) if index and index.keywords else {},
        max_tokens=options.max_new_tokens,
        reach=_reach(question, passages, snapshot),
    )
    return choose_generator(options, options.model or EMBEDDED, embeddings, local_chat).invoke(given)


def _considered(passages: Passages, snapshot: Snapshot, answer: Answer) -> list[ConsideredDocument]:
    """Return the best of the documents that were considered."""
    searched, cited = {entry.id for entry in passages.searched}, {citation.source for citation in answer.citations}
    found = [(it, snapshot.entries[it.id]) for it in passages.considered[:_MOST_CONSIDERED]]
    return [
        ConsideredDocument(
            entry.name,
            entry.version,
            it.id in searched,
            it.id in searched and entry.name in cited,
            round(it.score, 5),
            it.places,
        )
        for it, entry in found
    ]


def _reach(question: str, passages: Passages, snapshot: Snapshot) -> Reach:
    """Return how much of what matches a question for a list the evidence holds, as far as documents were searched."""
    if passages.index is None:
        return Reach(0, is_whole=not snapshot.entries)
    places = listed_places(passages.index, question, passages.index.page_maps)
    found = reach(places, passages.index.chunks, [(it.source, it.start, it.end) for it in passages.evidence])
    return Reach(found.left_out, found.is_whole and len(passages.searched) == len(snapshot.entries))
