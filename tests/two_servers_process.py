"""Services that share a directory and a database, for tests/test_two_servers.py.

Reads lines of JSON, each the arguments of :func:`serve`; serves each in a fork, and prints its process id. All end with
the input.
"""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvicorn
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

from memorag_graph.library import postgres_jobs, postgres_server, silence
from memorag_graph.library.catalogue_place import VARIABLE
from memorag_graph.memory.backends.local import LocalMemoryModel
from memorag_graph.memory.storage import memory_files
from memorag_graph.memory.storage.journal import Journal
from memorag_graph.memory.storage.store import MemoryStore
from memorag_graph.registry import Registry
from memorag_graph.serving import take_over
from memorag_graph.serving.app import create_app
from memorag_graph.serving.credentials import KeyFile
from tests.conftest import HashEmbeddings, tiny_model
from tests.test_library_memories import MAKING


def writes_down(log: Path, stalls: bool) -> None:
    """Have the process write down the notes and memories it makes, and stall after its first note if it is to."""
    real_add, real_save = Journal.add, memory_files.save_memory

    def write(what: str, made: object) -> None:
        with log.open("a") as file:
            file.write(f"{os.getpid()} {what} {made}\n")

    def add(self: Journal, key: str, text: str) -> None:
        real_add(self, key, text)
        write("note", f"{self.directory}/{key}")
        while stalls:
            time.sleep(1)

    def save(directory: Path, *given: Any, **more: Any) -> Any:
        saved: Any = real_save(directory, *given, **more)
        write("memory", directory)
        return saved

    Journal.add = add  # type: ignore[method-assign]
    memory_files.save_memory = save


async def serve(
    root: str, home: str, libraries: str, database: str, keys: str, port: int, lease: float, stalls: bool
) -> None:
    """Serve what is in a directory, and libraries from elsewhere if told so, until the process is told to end."""
    os.environ.update({VARIABLE: database, "MEMORAG_GRAPH_HOME": home})
    writes_down(Path(root, "log"), stalls)
    postgres_jobs.LEASE_SECONDS, take_over.LOOK_SECONDS, postgres_server.TRIED_SECONDS = lease, 0.2, 0.3
    silence.PAUSE_SECONDS = 0
    if libraries:
        from memorag_graph.library import bucket  # its extra may be missing

        bucket.TRIED_SECONDS = 0.3
    registry = Registry(MemoryStore(Path(home, "memories")))
    registry.add_memory_model("tiny-llama", LocalMemoryModel(tiny_model("llama")))
    registry.add_embeddings("hash", HashEmbeddings(16))
    check: Callable[..., Any] = AsyncConnectionPool.check_connection
    connection = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}
    async with AsyncConnectionPool(database, min_size=1, kwargs=connection, check=check) as pool:
        given: dict[str, Any] = {"credentials": KeyFile(Path(keys)), "checkpointer": AsyncPostgresSaver(pool)}
        app = create_app(registry, MAKING, libraries_at=libraries, **given)
        await uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning")).serve()


def main() -> None:
    children = []
    for line in sys.stdin:
        if (child := os.fork()) == 0:
            asyncio.run(serve(**json.loads(line)))
            os._exit(0)
        children.append(child)
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()
    for child in children:
        os.kill(child, signal.SIGKILL)


if __name__ == "__main__":
    main()
