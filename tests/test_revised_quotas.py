"""Changing the documents of a memory within the quotas of a tenant: only what is new counts, and only the result."""

from collections.abc import Callable
from pathlib import Path

import pytest

from memorag_graph.documents import Document, from_text
from memorag_graph.errors import ForbiddenError, InputError, MemoryFileError, QuotaError, StorageQuotaError
from memorag_graph.memory.build.revision import Listed, changed
from memorag_graph.memory.kv_memory import Memory
from memorag_graph.progress import Progress, ignore_progress
from memorag_graph.registry import Registry
from memorag_graph.serving.client_scope import ClientScope
from memorag_graph.serving.credentials import Principal
from memorag_graph.serving.quotas import Quota
from memorag_graph.serving.tenants import Tenants
from memorag_graph.settings import RunOptions
from tests.conftest import TEXT, TINY
from tests.test_quotas import bytes_of, tokens_used

FERRY, PIER = from_text(TEXT[:700], "ferry.txt"), from_text(TEXT[700:1400], "pier.txt")
EDITED = from_text(TEXT[:600], "ferry.txt")
MANY = Quota(tokens_per_day=1_000_000, documents=100, bytes=1024**3, jobs=9)


def scope(registry: Registry, quota: Quota, options: RunOptions = TINY, role: str = "writer") -> ClientScope:
    return Tenants(registry, quota).scope(Principal("a", "acme", role), options)  # type: ignore[arg-type]


def memorized(acme: ClientScope, *documents: Document) -> str:
    return acme.memorize(documents, None, ignore_progress).memory.id


def change(*documents: Document, without: tuple[str, ...] = ()) -> Callable[[Memory], Listed]:
    return lambda memory: changed(memory, documents, without)


def kept(acme: ClientScope) -> set[str]:
    return {memory["memory_id"] for memory in acme.registry.store.memories()}


@pytest.mark.parametrize("when", ["now", "when_asked"])
def test_the_changed_memory_is_that_of_its_documents_and_only_new_tokens_count(
    registry: Registry, home: Path, when: str
) -> None:
    acme = scope(registry, Quota(tokens_per_day=1_000_000), TINY.model_copy(update={"memory": when}))
    before = memorized(acme, FERRY)
    assert acme.registry.is_begun(before) == (when == "when_asked")
    used = tokens_used(home)
    opened = acme.revise(before, change(PIER), ignore_progress)
    assert opened.memory.id == acme.registry.memory_id([FERRY, PIER], TINY)
    assert opened.memory.is_whole
    assert tokens_used(home) - used == opened.memory.documents[1].tokens > 0
    assert kept(acme) == {before, opened.memory.id}
    used = tokens_used(home)
    assert acme.revise(opened.memory.id, change(without=("ferry.txt",)), ignore_progress).memory.documents == (
        opened.memory.documents[1],
    )
    assert acme.revise(before, change(FERRY), ignore_progress).memory.id == before
    assert tokens_used(home) == used


def test_who_may_only_read_changes_nothing_and_nobody_changes_what_is_no_memory_of_theirs(registry: Registry) -> None:
    acme = scope(registry, MANY)
    memory_id = memorized(acme, FERRY)
    with pytest.raises(ForbiddenError):
        scope(registry, MANY, role="reader").revise(memory_id, change(PIER), ignore_progress)
    with pytest.raises(InputError, match="must be the id of a memory"):
        acme.revise(str(acme.registry.store.directory(memory_id)), change(PIER), ignore_progress)
    globex = Tenants(registry, MANY).scope(Principal("g", "globex", "writer"), TINY)
    with pytest.raises(MemoryFileError):
        globex.revise(memory_id, change(PIER), ignore_progress)
    assert kept(acme) == {memory_id}


def test_documents_count_as_they_will_be(registry: Registry) -> None:
    acme = scope(registry, Quota(documents=2))
    memory_id = memorized(acme, FERRY)
    with pytest.raises(StorageQuotaError, match="0 of 2 documents are kept or being memorized, and 3 would be added"):
        acme.revise(memory_id, change(PIER, from_text(TEXT[:500], "c.txt")), ignore_progress)
    both = acme.revise(memory_id, change(PIER), ignore_progress).memory.id
    acme.registry.delete(memory_id)
    edited = acme.revise(both, change(EDITED), ignore_progress).memory.id
    acme.registry.delete(both)
    assert kept(acme) == {edited}


def test_a_change_that_does_not_fit_leaves_the_memory_as_it_was(registry: Registry) -> None:
    alone = scope(registry, MANY)
    size = bytes_of(alone.memorize([FERRY], None, ignore_progress), alone.registry.store)
    memory_id = next(iter(kept(alone)))
    acme = scope(registry, Quota(bytes=int(1.2 * size)))
    with pytest.raises(StorageQuotaError, match="bytes would be used"):
        acme.revise(memory_id, change(PIER), ignore_progress)
    assert kept(acme) == {memory_id}
    changed_id = acme.revise(memory_id, change(EDITED), ignore_progress).memory.id
    assert kept(acme) == {memory_id, changed_id}


def test_a_change_is_one_of_the_jobs_at_once(registry: Registry) -> None:
    acme = scope(registry, Quota(jobs=1))
    memory_id = memorized(acme, FERRY)
    refused: list[str] = []

    def another(progress: Progress) -> None:
        if not refused:
            with pytest.raises(QuotaError, match="1 jobs at once") as told:
                acme.revise(memory_id, change(EDITED), ignore_progress)
            refused.append(str(told.value))

    acme.revise(memory_id, change(PIER), another)
    assert refused
