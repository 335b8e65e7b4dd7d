"""A sample PDF file: how it is written, and what a reader should find in it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pdf_contents import Table


@dataclass(frozen=True)
class Sample:
    """A file and its truth.

    Attributes:
        program: What writes it.
        write: Writes it to a path.
        sentences: What the page says, in the order of reading.
        tables: Its tables.
        hidden: What no reader of the page sees, or what repeats on every page.
    """

    program: str
    write: Callable[[Path], None]
    sentences: Sequence[str] = ()
    tables: Sequence[Table] = ()
    hidden: Sequence[str] = field(default=())


def split(texts: Sequence[str]) -> list[str]:
    return [f"{sentence.rstrip('.')}." for text in texts for sentence in text.split(". ")]
