"""Chunks → gists: a short digest of each section of the text, in document order."""

import queue
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from memorag_graph.chunking import Chunk, split_documents
from memorag_graph.documents import Document
from memorag_graph.errors import InputError
from memorag_graph.memory.digest import faithful_digest
from memorag_graph.models.chat_template import Turn, without_thinking
from memorag_graph.models.language_model import LanguageModel
from memorag_graph.models.sampling import NO_REPEAT, Sampling
from memorag_graph.models.worker import Request, Worker
from memorag_graph.progress import Progress, ReportProgress
from memorag_graph.prompts import Prompts
from memorag_graph.settings import MemorySettings

MIN_GIST_TOKENS = 16
"""A shorter gist says nothing."""

_SEPARATOR_TOKENS = 4
_TURN_SHARE = 4
_TURN_TOKENS = 1536


@dataclass(frozen=True, slots=True)
class Gist:
    """The digest of one section.

    Attributes:
        document: Position of the document in the memory's list of documents.
        start: First character of the section in the document's text.
        end: One past its last character.
        text: The digest.
    """

    document: int
    start: int
    end: int
    text: str

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class GistPlan:
    """Sections to be digested and the longest gist in tokens, such that all gists fit the window together."""

    sections: tuple[Chunk, ...]
    gist_tokens: int


def turn_room(window: int) -> int:
    """Return the tokens of a window that are kept free for a question's turn and its answer."""
    return min(_TURN_TOKENS, window // _TURN_SHARE)


def plan_gists(
    documents: Sequence[Document], model: LanguageModel, prompts: Prompts, settings: MemorySettings
) -> GistPlan:
    """Choose the sections and the length of their gists.

    Gists have the length of the settings if they fit the model's window together, and shrink where they do not.
    Sections grow to what one forward pass can digest once gists would fall below :data:`MIN_GIST_TOKENS`.

    Raises:
        InputError: If the text is longer than the model's window can carry.
    """
    frame = len(model.encode_chat([Turn("user", prompts["context"])]))
    room = model.window - turn_room(model.window) - frame
    overhead = len(model.encode_chat([Turn("user", prompts["gist"])])) + settings.gist_tokens
    largest_section = model.window - overhead
    section_size = min(settings.gist_chunk_size, largest_section)
    if room < MIN_GIST_TOKENS or section_size < MIN_GIST_TOKENS:
        raise InputError("model", f"a window of {model.window} tokens is too small for a memory; use another model")
    for size in (section_size, largest_section):
        sections = split_documents(documents, model, size)
        fitting = int(room / 1.05) // len(sections) - _SEPARATOR_TOKENS
        if fitting >= MIN_GIST_TOKENS:
            return GistPlan(tuple(sections), min(settings.gist_tokens, fitting))
    longest = room // (MIN_GIST_TOKENS + _SEPARATOR_TOKENS) * largest_section
    raise InputError(
        "context",
        f"the text has more than the roughly {longest:,} tokens that fit a memory of {model.name!r} "
        f"(window {model.window:,} tokens); use a model with a longer window or memorize parts of the text",
    )


def make_gists(
    plan: GistPlan, worker: Worker, model: LanguageModel, prompts: Prompts, report: ReportProgress
) -> list[Gist]:
    """Digest every section of a plan; a section no longer than its gist may be is kept as it is."""
    events: queue.SimpleQueue[int | Exception | None] = queue.SimpleQueue()
    sampling = Sampling(plan.gist_tokens, no_repeat=NO_REPEAT)
    requests = {
        section: Request(
            model.encode_chat([Turn("user", prompts.fill("gist", context=section.text))]),
            sampling=sampling,
            events=events,
        )
        for section in plan.sections
        if model.count(section.text) > plan.gist_tokens
    }
    worker.submit(*requests.values())
    _wait(list(requests.values()), events, plan.gist_tokens, report)

    def digest(section: Chunk) -> str:
        if section not in requests:
            return section.text
        draft = without_thinking(model.decode(requests[section].tokens)).strip()
        return faithful_digest(draft, section.text, plan.gist_tokens, model.count, prompts.language.code)

    return [Gist(section.document, section.start, section.end, digest(section)) for section in plan.sections]


def _wait(
    requests: Sequence[Request],
    events: "queue.SimpleQueue[int | Exception | None]",
    gist_tokens: int,
    report: ReportProgress,
) -> None:
    """Follow the requests to their ends, which all put their events into one queue."""
    total = sum(len(request.prompt) + gist_tokens for request in requests)
    unfinished = len(requests)
    try:
        while unfinished:
            event = events.get()
            if isinstance(event, Exception):
                raise event
            unfinished -= event is None
            report(Progress("gists", sum(_done(request, gist_tokens) for request in requests), total, "tokens"))
    finally:
        for request in requests:
            request.cancelled = True


def _done(request: Request, gist_tokens: int) -> int:
    if request.finished:
        return len(request.prompt) + gist_tokens
    return len(request.prompt) + len(request.tokens) if request.tokens else 0
