"""Append, replace and remove give the memory made from scratch, bit for bit; so does going on after a kill."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest

from memorag_graph.documents import Document
from memorag_graph.errors import InputError, MemoryMismatchError
from memorag_graph.inference import decode_session as sessions
from memorag_graph.memory.backends.local import LocalMemoryModel
from memorag_graph.memory.build import prefill
from memorag_graph.memory.build.gist_kind import GistKind
from memorag_graph.memory.build.revision import Listed, appended, changed, removed, replaced
from memorag_graph.memory.kv_memory import Memory
from memorag_graph.memory.storage.journal import Journal
from memorag_graph.models import gist_batch
from memorag_graph.models.gist_batch import GistBatch
from memorag_graph.prompts import Prompts
from memorag_graph.settings import MemorySettings
from tests.conftest import TEXT, HashEmbeddings, build, index_memory, rebuild, tiny_model
from tests.test_memory import assert_same_shards

PARAGRAPHS = [TEXT[start : start + 260].strip() for start in range(0, len(TEXT), 260)]
A = Document("a.txt", "\n\n".join(PARAGRAPHS[:10]))
B = Document("b.txt", "\n\n".join(paragraph.replace("ferry", "train") for paragraph in PARAGRAPHS[:4]))
C = Document("c.txt", "\n\n".join(paragraph.replace("harbour", "station") for paragraph in PARAGRAPHS[3:8]))
EDITED = Document("a.txt", A.text.replace("Captain Kemp was proud", "Captain Kemp was very proud", 1))

GIST = MemorySettings(gist_chunk_size=512, gist_tokens=64, gist_writer="model", retrieval_chunk_size=128)
EVERY = [GIST, GIST.model_copy(update={"kind": "full"}), GIST.model_copy(update={"kv_storage": "int8"})]


@pytest.fixture(autouse=True)
def _short_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces so short that a memory of these texts has many."""
    monkeypatch.setattr(sessions, "PIECE", 64)
    monkeypatch.setattr(prefill, "PIECE", 64)


@pytest.fixture(params=[4096, 1024], ids=["one-shard", "shards"])
def model(request: pytest.FixtureRequest) -> LocalMemoryModel:
    return LocalMemoryModel(tiny_model("llama", max_position_embeddings=request.param))


def memorize(model: LocalMemoryModel, documents: list[Document], settings: MemorySettings, prompts: Prompts) -> Memory:
    return build(model, documents, prompts, settings)


def assert_same(mine: Memory, theirs: Memory) -> None:
    assert mine.id == theirs.id
    assert mine.documents == theirs.documents
    assert mine.notes == theirs.notes
    assert_same_shards(mine, theirs)


CHANGES: list[tuple[str, Callable[[Memory], Listed], list[Document]]] = [
    ("append", lambda memory: appended(memory, [C]), [A, B, C]),
    ("replace", lambda memory: replaced(memory, "a.txt", EDITED), [EDITED, B]),
    ("rename", lambda memory: replaced(memory, "b.txt", C), [A, C]),
    ("remove-first", lambda memory: removed(memory, "a.txt"), [B]),
    ("remove-last", lambda memory: removed(memory, "b.txt"), [A]),
    ("all-at-once", lambda memory: changed(memory, [C, EDITED], ["b.txt"]), [EDITED, C]),
]


@pytest.mark.parametrize("settings", EVERY, ids=["gist", "full", "int8"])
@pytest.mark.parametrize(("change", "documents"), [it[1:] for it in CHANGES], ids=[it[0] for it in CHANGES])
def test_a_changed_memory_is_the_one_made_from_scratch(
    model: LocalMemoryModel,
    prompts: Prompts,
    settings: MemorySettings,
    change: Callable[[Memory], Listed],
    documents: list[Document],
) -> None:
    before = memorize(model, [A, B], settings, prompts)
    listed = change(before)
    after = rebuild(model, before, listed)
    scratch = memorize(model, documents, settings, prompts)
    assert_same(after, scratch)
    if settings.kind == "full" and model.language_model.window == 1024:
        assert len(before.shards) > 1
    embeddings, tokens = HashEmbeddings(), model.language_model
    known = (before, index_memory(before, [A, B], tokens, embeddings))
    index = index_memory(after, listed, tokens, embeddings, known=known)
    fresh = index_memory(scratch, documents, tokens, embeddings)
    assert index.chunks == fresh.chunks
    for query in ("the harbour", "Captain Kemp"):
        np.testing.assert_array_equal(index.keywords.scores(query), fresh.keywords.scores(query))
    for text, vector in fresh.vectors.vectors().items():
        np.testing.assert_allclose(index.vectors.vectors()[text], vector, atol=1e-6)


def test_an_edit_digests_only_the_sections_it_touches(prompts: Prompts, monkeypatch: pytest.MonkeyPatch) -> None:
    model = LocalMemoryModel(tiny_model("llama"))
    before = memorize(model, [A, B], GIST, prompts)
    digested: list[str] = []
    real = GistKind._summarize

    def watched(self: GistKind, texts: dict[str, str], costs: dict[str, int]) -> dict[str, str]:
        digested.extend(texts[key] for key in costs)
        return real(self, texts, costs)

    monkeypatch.setattr(GistKind, "_summarize", watched)
    embedded: list[str] = []
    monkeypatch.setattr(HashEmbeddings, "embed_documents", lambda self, texts: [
        self.embed_query(text) for text in (embedded.extend(texts), texts)[1]
    ])  # fmt: skip
    known = (before, index_memory(before, [A, B], model.language_model, HashEmbeddings()))
    embedded.clear()
    listed = replaced(before, "a.txt", EDITED)
    after = rebuild(model, before, listed)
    index_memory(after, listed, model.language_model, HashEmbeddings(), known=known)
    assert 0 < len(digested) <= 2
    assert "Captain Kemp was very proud" in "".join(digested)
    assert 0 < len(embedded) < len(known[1].chunks) / 2
    digested.clear()
    rebuild(model, before, appended(before, [C]))
    assert all("station" in text for text in digested)


def test_the_rows_that_a_section_is_digested_in_depend_on_it_alone(
    prompts: Prompts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows of another length or number may round otherwise, and then a gist would depend on what else was new."""
    model = LocalMemoryModel(tiny_model("llama"))
    rows: dict[str, set[tuple[int, int]]] = {}
    real = GistBatch.write

    def noted(
        self: GistBatch[str], prompts: Iterable[tuple[str, list[int]]], count: int
    ) -> Iterator[tuple[str, list[int]]]:
        for key, tokens in real(self, prompts, count):
            rows.setdefault(key, set()).add((self.longest_prompt, self.width))
            yield key, tokens

    monkeypatch.setattr(GistBatch, "write", noted)
    monkeypatch.setattr(gist_batch, "_CACHE_BYTES", 3 * 700 * model.language_model.cache_bytes_per_token)
    short = Document("short.txt", TEXT[:100])
    for documents in ([A, B, short], [short], [B], [A, short], [C, short]):
        memorize(model, documents, GIST, prompts)
    assert {len(it) for it in rows.values()} == {1}
    assert len(set().union(*rows.values())) == 2


def test_reading_goes_on_where_the_old_memory_ends(prompts: Prompts, monkeypatch: pytest.MonkeyPatch) -> None:
    model = LocalMemoryModel(tiny_model("llama"))
    before = memorize(model, [A, B], GIST, prompts)
    read: list[int] = []
    real = sessions.SharedPrefixSession.prefill
    monkeypatch.setattr(
        sessions.SharedPrefixSession,
        "prefill",
        lambda self, row, tokens: (read.append(len(tokens)), real(self, row, tokens))[1],
    )
    (shard,) = rebuild(model, before, appended(before, [Document("d.txt", "A short note.")])).shards
    assert sum(read) < 64 + len(shard.token_ids) - len(before.shards[0].token_ids)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda memory: appended(memory, [A]), "'a.txt' is in this memory already; replace it"),
        (lambda memory: appended(memory, []), "nothing to append"),
        (lambda memory: replaced(memory, "z.txt", C), "'z.txt' is not in this memory; it holds 'a.txt', 'b.txt'"),
        (lambda memory: replaced(memory, "a.txt", B), "is the name of another document"),
        (lambda memory: removed(memory, "z.txt"), "is not in this memory"),
        (lambda memory: removed(model_of_one(memory), "a.txt"), "only document; delete the memory"),
        (lambda memory: changed(memory, [C], ["z.txt"]), "'z.txt' is not in this memory"),
        (lambda memory: changed(memory, [], ["a.txt", "b.txt"]), "no document would be left; delete the memory"),
    ],
)
def test_changes_that_cannot_be_made_are_refused(
    prompts: Prompts, change: Callable[[Memory], Listed], message: str
) -> None:
    memory = memorize(LocalMemoryModel(tiny_model("llama")), [A, B], GIST, prompts)
    with pytest.raises(InputError, match=message):
        change(memory)


def test_what_is_replaced_stays_in_its_place_also_if_it_is_to_go_and_names_stay_distinct(prompts: Prompts) -> None:
    memory = memorize(LocalMemoryModel(tiny_model("llama")), [A, B], GIST, prompts)
    assert changed(memory, []) == list(memory.documents)
    listed = changed(memory, [C, EDITED, A], ["a.txt"])
    assert [it.source for it in listed] == ["a.txt", "b.txt", "c.txt", "a.txt (2)"]
    assert [listed[0].sha256, listed[3].sha256] == [EDITED.sha256, A.sha256]


def model_of_one(memory: Memory) -> Memory:
    from dataclasses import replace

    return replace(memory, documents=memory.documents[:1])


def test_a_memory_is_not_continued_by_another_model(prompts: Prompts) -> None:
    memory = memorize(LocalMemoryModel(tiny_model("llama")), [A], GIST, prompts)
    with pytest.raises(MemoryMismatchError, match="model: tiny-llama → tiny-qwen2"):
        rebuild(LocalMemoryModel(tiny_model("qwen2")), memory, appended(memory, [B]))


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.mark.parametrize("at", range(0, 60, 5))
def test_a_killed_process_goes_on_to_the_same_memory(
    tmp_path: Path, prompts: Prompts, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    model = LocalMemoryModel(tiny_model("llama"))
    whole = memorize(model, [A, B], GIST, prompts)
    path = tmp_path / "journal"
    real, steps, written = GistBatch._step, [0], []

    def killed(self: GistBatch[str]) -> object:
        steps[0] += 1
        if steps[0] > at:
            raise Killed
        return real(self)

    with monkeypatch.context() as patched:
        patched.setattr(GistBatch, "_step", killed)
        with pytest.raises(Killed):
            build(model, [A, B], prompts, GIST, journal=Journal(path))
    kept = set(Journal(path).read())
    add = Journal.add
    monkeypatch.setattr(Journal, "add", lambda self, key, text: (written.append(key), add(self, key, text))[1])
    resumed = build(model, [A, B], prompts, GIST, journal=Journal(path))
    assert_same(resumed, whole)
    assert len(written) == len(set(written))
    assert not kept & set(written)
    assert set(Journal(path).read()) >= set(written)
