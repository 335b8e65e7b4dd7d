"""The memory kind "gist": a short summary of each section, in document order."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from memorag_graph.errors import InputError
from memorag_graph.memory.build.grounded_summary import grounded_summary
from memorag_graph.memory.build.kinds import pack, shard_room
from memorag_graph.memory.build.sections import Sections
from memorag_graph.memory.storage.journal import Journal
from memorag_graph.models.chat_template import Turn
from memorag_graph.models.text_model import TextModel
from memorag_graph.progress import Progress, ReportProgress
from memorag_graph.prompts import Prompts
from memorag_graph.settings import MemorySettings

MIN_GIST_TOKENS = 32
"""Gists shrink to this length before a memory is split into shards; shorter ones say too little."""

_SMALLEST_SECTION = 16


@dataclass(frozen=True, slots=True)
class GistPlan:
    """How gists are requested.

    Attributes:
        prompts: The prompts of the document's language.
        gist_tokens: Maximum tokens per gist.
        section_tokens: Maximum tokens per section.
        frame_tokens: Tokens of a request apart from the section.
    """

    prompts: Prompts
    gist_tokens: int
    section_tokens: int
    frame_tokens: int

    def request(self, section: str) -> Turn:
        """Return the request for the gist of a section."""
        return Turn("user", self.prompts.fill("gist", context=section))


class GistWriter(Protocol):
    """Has a model write gists; they are checked against the sections afterwards."""

    def draft(
        self, sections: Mapping[str, str], costs: Mapping[str, int], plan: GistPlan, report: Callable[[int], None]
    ) -> Iterator[tuple[str, str]]:
        """Yield the key and draft of each section as it is finished.

        Args:
            sections: Sections by key; may hold others, too.
            costs: Number of tokens of each section to draft.
            plan: How gists are requested.
            report: Called with the tokens read and written for unfinished drafts.
        """


class EarlyGistWriter(GistWriter, Protocol):
    """Drafts gists elsewhere, also of memories that are made later."""

    @property
    def wants_more(self) -> bool:
        """Whether it will soon have nothing to do."""

    def begin(self, sections: Mapping[str, str], costs: Mapping[str, int], plan: GistPlan) -> None:
        """Begin what :meth:`draft` will be asked for.

        Args:
            sections: Sections by key; may hold others, too.
            costs: Number of tokens of each section to draft.
            plan: How gists are requested.
        """

    def go_on(self) -> None:
        """Take what is done and hand out what waits, without waiting."""


class NoDrafts:
    """Drafts nothing, so that gists are the most central sentences of their sections."""

    def draft(
        self, sections: Mapping[str, str], costs: Mapping[str, int], plan: GistPlan, report: Callable[[int], None]
    ) -> Iterator[tuple[str, str]]:
        """Yield each key with an empty draft; see :class:`GistWriter`."""
        return ((key, "") for key in costs)


class GistKind:
    """A memory of gists (MemoRAG's lite memory): the model summarizes each section and then reads the summaries.

    Gists are written once at full length. If together they do not fit the window, they are shortened by halves to their
    most central sentences; if that is not enough, they fill several shards.

    Args:
        drafter: Has the model write gists.
        model: The model.
        prompts: The prompts of the document's language.
        settings: Lengths of sections and gists, and who writes them.
        journal: Keeps finished gists.
        report: Called with progress.

    Raises:
        InputError: If the model's window is too small.
    """

    def __init__(
        self,
        drafter: GistWriter,
        model: TextModel,
        prompts: Prompts,
        settings: MemorySettings,
        journal: Journal,
        report: ReportProgress,
    ) -> None:
        self._drafter = drafter
        self._model = model
        self._written_otherwise = [] if settings.gist_writer == "model" else [settings.gist_writer]
        self._journal = journal
        self._report = report
        self._room = shard_room(model, prompts)
        gist_tokens = min(settings.gist_tokens, self._room // 2)
        frame = model.count_chat([Turn("user", prompts["gist"])])
        section_tokens = min(settings.gist_chunk_size, model.window - frame - gist_tokens)
        self._plan = GistPlan(prompts, gist_tokens, section_tokens, frame)
        if section_tokens < _SMALLEST_SECTION:
            raise InputError("gist_tokens", f"too long for a window of {model.window} tokens; lower it")

    @property
    def section_tokens(self) -> int:
        """Maximum tokens per section."""
        return self._plan.section_tokens

    def key(self, section: str) -> str:
        """Return a hash of a section and of everything else that decides its gist."""
        model = self._model
        decisive = [
            model.fingerprint,
            model.tokenizer_fingerprint,
            model.dtype,
            self._plan.prompts["gist"],
            self._plan.prompts.language.code,
            self._plan.gist_tokens,
            section,
            *self._written_otherwise,
            *([model.served] if model.served else []),
        ]
        return hashlib.sha256(json.dumps(decisive).encode()).hexdigest()

    def most_tokens(self, sections: Sequence[int]) -> int:
        """Return the tokens of gists of the length at which :meth:`arrange` stops to shorten them."""
        budget = self._plan.gist_tokens
        while True:
            tokens = sum(min(section, budget) for section in sections)
            if tokens <= self._room or budget // 2 < MIN_GIST_TOKENS:
                return tokens
            budget //= 2

    def write(self, sections: Sections) -> dict[str, str]:
        """Return a gist for each section; a section no longer than a gist is kept unchanged."""
        notes, waiting = self._known(sections)
        if waiting:
            notes |= self._summarize(sections, waiting)
        return notes

    def begin(self, sections: Sections, writer: EarlyGistWriter) -> None:
        """Have a writer begin the gists for which :meth:`write` will ask it."""
        _, waiting = self._known(sections)
        if waiting:
            writer.begin(sections, waiting, self._plan)

    def _known(self, sections: Sections) -> tuple[dict[str, str], dict[str, int]]:
        """Return the gists that need no model, and the number of tokens of each section that needs one."""
        journaled = self._journal.read()
        notes = {key: journaled[key] for key in sections if key in journaled}
        costs = {key: sections.tokens(key) for key in sections if key not in notes}
        notes |= {key: sections[key] for key, cost in costs.items() if cost <= self._plan.gist_tokens}
        return notes, {key: cost for key, cost in costs.items() if key not in notes}

    def _summarize(self, texts: Mapping[str, str], costs: Mapping[str, int]) -> dict[str, str]:
        plan = self._plan
        prices = {key: cost + plan.frame_tokens + plan.gist_tokens for key, cost in costs.items()}
        total = sum(prices.values())
        notes: dict[str, str] = {}
        done = 0

        def report(unfinished: int, note: str = "") -> None:
            nonlocal done  # never decreases, although some reports leave out unfinished drafts
            done = max(done, min(sum(prices[key] for key in notes) + unfinished, total))
            self._report(Progress("gists", done, total, "tokens", note))

        drafts = self._drafter.draft(texts, costs, plan, report)
        report(0)
        for key, draft in drafts:
            notes[key] = self._grounded(draft, texts[key], plan.gist_tokens)
            self._journal.add(key, notes[key])
            report(0, notes[key])
        report(0)
        return notes

    def arrange(self, notes: Sequence[str]) -> list[list[str]]:
        """Return the texts of each shard: gists at the greatest length at which all fit one shard, or the shortest."""
        budget = self._plan.gist_tokens
        while True:
            texts = [f"\n\n{self._shrunk(note, budget)}" for note in notes]
            costs = [self._model.count(text) for text in texts]
            if sum(costs) <= self._room or budget // 2 < MIN_GIST_TOKENS:
                return pack(texts, costs, self._room)
            budget //= 2

    def _shrunk(self, note: str, tokens: int) -> str:
        return note if self._model.count(note) <= tokens else self._grounded("", note, tokens)

    def _grounded(self, draft: str, text: str, tokens: int) -> str:
        return grounded_summary(draft, text, tokens, self._model.count, self._plan.prompts.language.code)
