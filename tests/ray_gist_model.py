"""A memory model of which Ray's workers die."""

import os
import signal
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from memorag_graph.memory.build.gist_kind import GistPlan


@dataclass(frozen=True)
class LastSentence:
    """Drafts the last sentence of each section, which is none of the most central ones.

    Attributes:
        word: Kills its process where a section has this word.
        once: A file that is removed by the first kill, after which there are no more; None to kill always.
    """

    word: str
    once: Path | None

    def draft(
        self, sections: Mapping[str, str], costs: Mapping[str, int], plan: "GistPlan", report: Callable[[int], None]
    ) -> Iterator[tuple[str, str]]:
        if any(self.word in sections[key] for key in costs) and (self.once is None or self.once.exists()):
            if self.once is not None:
                self.once.unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        return ((key, sections[key].strip().rpartition(". ")[2]) for key in costs)


@dataclass(frozen=True)
class Identity:
    """What tells a model from others."""

    fingerprint: str
    tokenizer_fingerprint: str
    dtype: str


@dataclass(frozen=True)
class Sent:
    """What workers have of a model; needs no library that takes long to import."""

    language_model: Identity
    writer: LastSentence

    def gist_writer(self) -> LastSentence:
        return self.writer
