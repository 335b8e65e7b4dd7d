"""Sections → gists: a short digest of each section of the text, in document order."""

import hashlib
import json
from collections.abc import Mapping, Sequence

from memorag_graph.chunking import Chunk
from memorag_graph.errors import InputError
from memorag_graph.kv.prefix import KVPrefix
from memorag_graph.memory.digest import faithful_digest
from memorag_graph.memory.journal import Journal
from memorag_graph.memory.kinds import pack, shard_room
from memorag_graph.models.chat_template import Turn, without_thinking
from memorag_graph.models.language_model import LanguageModel
from memorag_graph.models.sampling import NO_REPEAT, Sampling
from memorag_graph.models.slots import Slots
from memorag_graph.models.worker import Worker
from memorag_graph.progress import Progress, ReportProgress
from memorag_graph.prompts import Prompts
from memorag_graph.settings import MemorySettings

MIN_GIST_TOKENS = 64
"""Gists shrink to this before a memory is split into shards; shorter ones say too little."""

_SMALLEST_SECTION = 16
_SHORTER = 4
"""Sections of which so many fit the longest one are digested in shorter rows."""


class GistKind:
    """A memory of gists (MemoRAG's lite memory): sections are digested by the model, and it reads the digests.

    Gists are written in full length once. Where they do not fit the window together they shrink by halves, to
    their most central sentences; where that is not enough they fill several shards.

    Args:
        worker: The model's thread.
        model: The model.
        prompts: The prompts of the document's language.
        settings: Length of sections and gists.
        journal: Keeps gists as they are made.
        report: Called as the work goes on.

    Raises:
        InputError: If the model's window is too small.
    """

    def __init__(
        self,
        worker: Worker,
        model: LanguageModel,
        prompts: Prompts,
        settings: MemorySettings,
        journal: Journal,
        report: ReportProgress,
    ) -> None:
        self._worker = worker
        self._model = model
        self._prompts = prompts
        self._journal = journal
        self._report = report
        self._room = shard_room(model, prompts)
        self._gist_tokens = min(settings.gist_tokens, self._room // 2)
        self._frame = len(model.encode_chat([Turn("user", prompts["gist"])]))
        self._largest_section = min(settings.gist_chunk_size, model.window - self._frame - self._gist_tokens)
        if self._largest_section < _SMALLEST_SECTION:
            raise InputError("gist_tokens", f"too long for a window of {model.window} tokens; lower it")

    @property
    def section_tokens(self) -> int:
        """Most tokens of a section."""
        return self._largest_section

    def key(self, section: str) -> str:
        """Return the hash of a section and of all else that decides its gist."""
        model = self._model
        decisive = [
            model.fingerprint,
            model.tokenizer_fingerprint,
            model.dtype,
            self._prompts["gist"],
            self._prompts.language.code,
            self._gist_tokens,
            section,
        ]
        return hashlib.sha256(json.dumps(decisive).encode()).hexdigest()

    def write(self, sections: Mapping[str, Chunk]) -> dict[str, str]:
        """Return a gist for each section; a section no longer than its gist may be is kept as it is."""
        journaled = self._journal.read()
        notes = {key: journaled[key] for key in sections if key in journaled}
        costs = {key: self._model.count(section.text) for key, section in sections.items() if key not in notes}
        notes |= {key: sections[key].text for key, cost in costs.items() if cost <= self._gist_tokens}
        waiting = {key: cost for key, cost in costs.items() if key not in notes}
        if waiting:
            notes |= self._digest({key: sections[key].text for key in waiting}, waiting)
        return notes

    def _digest(self, texts: Mapping[str, str], costs: Mapping[str, int]) -> dict[str, str]:
        """Digest sections in rows whose length depends on the section alone, as the bits of a gist do on its row."""
        sampling = Sampling(self._gist_tokens, no_repeat=NO_REPEAT)
        prices = {key: cost + self._frame + self._gist_tokens for key, cost in costs.items()}
        total = sum(prices.values())
        notes: dict[str, str] = {}

        def report(unfinished: int) -> None:
            done = sum(prices[key] for key in notes) + unfinished
            self._report(Progress("gists", min(done, total), total, "tokens"))

        report(0)
        rows = {key: self._row(cost) for key, cost in costs.items()}
        for row in sorted(set(rows.values()), reverse=True):
            slots: Slots[str] = Slots(self._worker, self._model, row + self._frame, sampling, report)
            prompts = ((key, self._prompt(texts[key])) for key in texts if rows[key] == row)
            for key, tokens in slots.write(prompts):
                draft = without_thinking(self._model.decode(tokens)).strip()
                notes[key] = self._faithful(draft, texts[key], self._gist_tokens)
                self._journal.add(key, notes[key])
        report(0)
        return notes

    def _row(self, cost: int) -> int:
        """Return the most tokens of a section in a row of the kind that one of this length goes to."""
        row = self._largest_section
        while cost <= row // _SHORTER:
            row //= _SHORTER
        return row

    def arrange(self, notes: Sequence[str]) -> list[list[str]]:
        """Return the texts of each shard: gists in the greatest length in which all fit one shard, or the least."""
        budget = self._gist_tokens
        while True:
            texts = [f"\n\n{self._shrunk(note, budget)}" for note in notes]
            costs = [self._model.count(text) for text in texts]
            if sum(costs) <= self._room or budget // 2 < MIN_GIST_TOKENS:
                return pack(texts, costs, self._room)
            budget //= 2

    def keep(self, kv: KVPrefix, tokens: Sequence[int]) -> KVPrefix:
        """Return all of a shard's keys and values."""
        return kv

    def _prompt(self, text: str) -> list[int]:
        return self._model.encode_chat([Turn("user", self._prompts.fill("gist", context=text))])

    def _shrunk(self, note: str, tokens: int) -> str:
        return note if self._model.count(note) <= tokens else self._faithful("", note, tokens)

    def _faithful(self, draft: str, text: str, tokens: int) -> str:
        return faithful_digest(draft, text, tokens, self._model.count, self._prompts.language.code)
