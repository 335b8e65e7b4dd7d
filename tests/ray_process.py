"""Embeddings of which Ray's workers die, and a process that is killed while they take documents in.

Run as a program, it adds files to a library by the workers of a Ray cluster, and kills itself as soon as some results
of theirs are kept. Arguments: the library, the files, the cluster, the number of results.
"""

import hashlib
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from langchain_core.embeddings import Embeddings

from memorag_graph.version import __version__


class Light(Embeddings):
    """Vectors by the bytes of a text; needs no library that takes long to import."""

    def embed_query(self, text: str) -> list[float]:
        return [float(byte) - 127 for byte in hashlib.blake2b(text.encode(), digest_size=8).digest()]

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [self.embed_query(text) for text in texts]


class Deadly(Light):
    """Kills the worker that embeds a text with a word.

    Args:
        word: The word.
        once: A file that is removed by the first kill, after which there are no more; None to kill always.
    """

    def __init__(self, word: str, once: Path | None = None) -> None:
        self._word = word
        self._once = once

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        if any(self._word in text for text in texts) and (self._once is None or self._once.exists()):
            if self._once is not None:
                self._once.unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().embed_documents(texts)


class OfFirst(Light):
    """Kills all processes but the first that embeds something.

    Args:
        claim: A file in which the first writes its number.
    """

    def __init__(self, claim: Path) -> None:
        self._claim = claim

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        with suppress(FileExistsError), self._claim.open("x") as file:
            file.write(str(os.getpid()))
        if self._claim.read_text() != str(os.getpid()):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().embed_documents(texts)


class OfProcess(Light):
    """Vectors that differ from process to process."""

    def embed_query(self, text: str) -> list[float]:
        return super().embed_query(f"{os.getpid()} {text}")


class Cutter:
    """An actor that kills itself by the first text that it cuts, as long as there is a file, which that removes.

    It cuts nothing before there is another file; both are what :meth:`begin` is given.
    """

    def begin(self, load: Callable[[], tuple[Path, Path]]) -> tuple[str, bytes]:
        self._once, self._go = load()
        return __version__, b"model"

    def cut(self, text: str) -> bytes:
        while not self._go.exists():
            time.sleep(0.01)
        with suppress(FileNotFoundError):
            self._once.unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        return text.encode()


def main(library: str, files: str, address: str, most: int) -> None:
    from memorag_graph.library import batch_writer
    from memorag_graph.library.kept_units import KeptUnits
    from memorag_graph.library.library import Library
    from memorag_graph.registry import Registry

    batch_writer._CHUNKS_AT_ONCE = 40
    real, kept = KeptUnits.add, []

    def add(self: KeptUnits, address: str, result: bytes) -> None:
        real(self, address, result)
        kept.append(address)
        if len(kept) == most:
            os.kill(os.getpid(), signal.SIGKILL)

    KeptUnits.add = add  # type: ignore[method-assign]
    registry = Registry()
    registry.add_embeddings("light", Light())
    Library.open(library, registry, embedding_model="light").add(files, ray=address)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
