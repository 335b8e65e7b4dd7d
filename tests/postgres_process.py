"""Processes that add files to a library at once, for tests of libraries on servers.

Reads a line of JSON: a list of calls, each the arguments of :func:`add`. Makes each in a fork, all at once, and prints
how they ended: 0, or the negative number of the signal that killed it.
"""

import hashlib
import json
import os
import signal
import sys
import time
from typing import Any

from langchain_core.embeddings import Embeddings

from memorag_graph.errors import LibraryBusyError
from memorag_graph.library import batch_writer
from memorag_graph.library.library import Library
from memorag_graph.library.postgres_catalogue import PostgresCatalogue
from memorag_graph.registry import Registry


class LightEmbeddings(Embeddings):
    """Vectors by the bytes of a text; needs no library that takes long to import."""

    def embed_query(self, text: str) -> list[float]:
        return [float(byte) - 127 for byte in hashlib.blake2b(text.encode(), digest_size=8).digest()]

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [self.embed_query(text) for text in texts]


def is_killed_after(commits: int) -> None:
    """Have the process kill itself once so many batches of documents were committed."""
    real, done = PostgresCatalogue.add, []

    def killing(self: PostgresCatalogue, new: Any) -> None:
        real(self, new)
        done.append(new)
        if len(done) == commits:
            os.kill(os.getpid(), signal.SIGKILL)

    PostgresCatalogue.add = killing  # type: ignore[method-assign]


def add(directory: str, files: list[str], commits: int = 0) -> None:
    """Add files in small batches, each file again while somebody else changes the library."""
    batch_writer._CHUNKS_AT_ONCE = 2
    if commits:
        is_killed_after(commits)
    registry = Registry()
    registry.add_embeddings("light", LightEmbeddings())
    for file in files:
        while True:
            try:
                Library.open(directory, registry, embedding_model="light").add(file)
                break
            except LibraryBusyError:
                time.sleep(0.1)


def main() -> None:
    for line in sys.stdin:
        children = []
        for arguments in json.loads(line):
            if (child := os.fork()) == 0:
                add(*arguments)
                os._exit(0)
            children.append(child)
        ended = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
        sys.stdout.write(json.dumps(ended) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
