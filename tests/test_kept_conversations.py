"""Conversations in the folder of what they are about: kept, listed, bounded, and deleted to the byte."""

import errno
import random
import sqlite3
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from langchain_core.documents import Document

from memorag_graph import kept_conversations
from memorag_graph.errors import DiskError, InputError
from memorag_graph.kept_conversations import FILE, FORMAT, KeptConversations, NewTurn
from memorag_graph.ui.conversation_store import ConversationStore, sources_of

VISITORS, VISITS, NAMES = ("alice", "bob"), ("one", "two", "three"), ("a.txt", "b.txt", "c.txt", "d.txt")


def of(sources: set[str] | None) -> Callable[[], set[str] | None]:
    """Return what names the documents of a turn."""
    return lambda: sources


nothing = of(set())


def turn(number: int) -> NewTurn:
    """Return a turn whose text fits into a page of the file or goes on for several."""
    text = f"Zyxwvut {number} " + f"and the harbour {number} froze " * (1, 9, 90, 400)[number % 4]
    return NewTurn(f"Asdfghj {number}?", text)


def traces(folder: Path) -> set[str]:
    """Return the questions and answers of which the files of a folder hold anything."""
    content = b"".join(it.read_bytes() for it in folder.rglob("*") if it.is_file()).decode("utf-8", "replace")
    return {word for word in words(set(range(200))) if word in content}


def words(numbers: set[int]) -> set[str]:
    return {word for it in numbers for word in (f"Zyxwvut {it} ", f"Asdfghj {it}?", f"harbour {it} ")}


def test_any_changes_give_what_they_give_in_lists_and_no_byte_of_what_is_deleted_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(10_000))
    monkeypatch.setattr("time.time", lambda: float(next(clock)))
    chance = random.Random(7)  # with which SQLite leaves a copy, unless the file is rewritten
    expected: dict[tuple[str, str], list[tuple[int, set[str] | None]]] = {}
    for number in range(90):
        kept, key = KeptConversations(tmp_path), (chance.choice(VISITORS), chance.choice(VISITS))
        action = chance.random()
        if action < 0.8:
            sources = set(chance.sample(NAMES, 2)) if chance.random() >= 0.2 else None
            kept.add(*key, turn(number), of(sources))
            expected[key] = [*expected.pop(key, []), (number, sources)]
        elif action < 0.9:
            kept.delete(*key)
            expected.pop(key, None)
        else:
            names = set(chance.sample(NAMES, 3))
            kept.keep_only(names)
            for at, turns in [*expected.items()]:
                cut = next((n for n, (_, its) in enumerate(turns) if its is None or its - names), len(turns))
                expected[at] = turns[:cut]
            expected = {at: turns for at, turns in expected.items() if turns}
        for visitor in VISITORS:
            listed = [(it.visit, it.title, it.questions) for it in kept.of(visitor)]
            wanted = [(at[1], turns) for at, turns in expected.items() if at[0] == visitor]
            assert sorted(listed) == sorted((visit, f"Asdfghj {its[0][0]}?", len(its)) for visit, its in wanted)
            for visit in VISITS:
                said = [turn(at).content for at, _ in expected.get((visitor, visit), [])]
                assert kept.turns(visitor, visit) == said
        assert traces(tmp_path) == words({at for turns in expected.values() for at, _ in turns})
    assert expected


def test_the_conversation_that_has_rested_longest_is_dropped_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(10_000))
    monkeypatch.setattr("time.time", lambda: float(next(clock)))
    monkeypatch.setattr(kept_conversations, "MAX_CONVERSATIONS", 3)
    kept = KeptConversations(tmp_path)
    kept.add("bob", "his", turn(9), nothing)
    for number, visit in enumerate(("one", "two", "three", "one", "four", "five")):
        kept.add("alice", visit, turn(number), nothing)
    assert [it.visit for it in kept.of("alice")] == ["five", "four", "one"]
    assert [it.visit for it in kept.of("bob")] == ["his"]
    assert [kept.turns("alice", it) for it in ("two", "three")] == [[], []]


def test_nothing_is_written_before_the_first_turn_and_a_refused_turn_leaves_none(tmp_path: Path) -> None:
    folder = tmp_path / "private"
    folder.mkdir(mode=0o700)
    kept = KeptConversations(folder)
    assert (kept.of("alice"), kept.turns("alice", "one")) == ([], [])
    kept.delete("alice", "one")
    kept.keep_only(())
    kept.hand_on(KeptConversations(folder))
    assert not list(folder.iterdir())

    def refuse() -> set[str]:
        raise InputError("document", "it was removed")

    with pytest.raises(InputError, match="removed"):
        kept.add("alice", "one", turn(1), refuse)
    assert (kept.of("alice"), traces(folder)) == ([], set())
    kept.add("alice", "one", turn(1), nothing)
    assert stat.S_IMODE((folder / FILE).stat().st_mode) == 0o600
    with pytest.raises(DiskError, match="check that its directory exists"):
        KeptConversations(tmp_path / "gone").add("alice", "one", turn(1), nothing)
    assert not (tmp_path / "gone").exists()


def test_handed_on_conversations_are_whole_and_leave_nothing(tmp_path: Path) -> None:
    (tmp_path / "before").mkdir()
    (tmp_path / "after").mkdir()
    before, after = (KeptConversations(tmp_path / it) for it in ("before", "after"))
    before.add("alice", "one", turn(1), nothing)
    before.add("bob", "one", turn(2), nothing)
    after.add("alice", "two", turn(3), nothing)
    listed = before.of("alice")
    before.hand_on(after)
    assert (traces(tmp_path / "before"), before.of("alice")) == (set(), [])
    assert {it.visit for it in after.of("alice")} == {"one", "two"}
    assert listed[0] in after.of("alice")
    assert after.turns("bob", "one") == [turn(2).content]


def test_turns_added_at_once_are_all_kept(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda at: KeptConversations(tmp_path).add("alice", "one", turn(at), nothing), range(40)))
    assert sorted(KeptConversations(tmp_path).turns("alice", "one")) == sorted(turn(at).content for at in range(40))


class Folders:
    """Folders by the names of what conversations are about."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def folder(self, subject: str) -> Path:
        (self._root / subject).mkdir(exist_ok=True)
        return self._root / subject

    def marks(self, subject: str, names: Any) -> Any:
        return lambda: names


def answer(asked: str, **more: Any) -> dict[str, Any]:
    passage = Document("The ferry sails.", metadata={"source": "a.txt", "start": 0, "score": 0.25, "queries": []})
    found = {"asked": asked, "answer": "“Ä” \ud800", "evidence": [passage], "timings": {"retrieve": 0.125}}
    return {"where": ["year=2020"], "result": {**found, "citations": [], **more}}


def test_a_turn_is_read_as_it_was_written_but_for_its_messages(tmp_path: Path) -> None:
    store = ConversationStore("alice", Folders(tmp_path))
    said = {**answer("When?"), "plain": answer("When?")["result"]}
    store.add("ferry", "one", {**said, "result": {**said["result"], "messages": [object()]}})
    assert ConversationStore("alice", Folders(tmp_path)).get("ferry", "one") == (said,)
    assert [it.title for it in store.about("ferry")] == ["When?"]
    assert not store.get("ferry", "two")
    assert not store.get("other", "one")
    assert not ConversationStore("bob", Folders(tmp_path)).get("ferry", "one")
    assert not ConversationStore("bob", Folders(tmp_path)).about("ferry")


NO_DATABASE = b"no database at all, but long enough to be one" * 50


def test_a_damaged_file_is_told_by_the_next_question(tmp_path: Path) -> None:
    store = ConversationStore("alice", Folders(tmp_path))
    (Folders(tmp_path).folder("ferry") / FILE).write_bytes(NO_DATABASE)
    assert (store.get("ferry", "one"), store.about("ferry")) == ((), [])
    with pytest.raises(DiskError, match=f"{FILE} is damaged .*; restore it from a copy, or delete it"):
        store.add("ferry", "one", answer("When?"))
    assert (tmp_path / "ferry" / FILE).read_bytes() == NO_DATABASE


def emptied_in_the_middle(content: bytes) -> bytes:
    return content[:6000] + bytes(5000) + content[11000:]


@pytest.mark.parametrize("damaged", [lambda _: NO_DATABASE, emptied_in_the_middle])
def test_where_something_is_to_be_erased_a_damaged_file_goes(tmp_path: Path, damaged: Callable[[bytes], bytes]) -> None:
    """Else a library whose file is damaged could not be changed, or what is removed would stay in the file."""
    (tmp_path / "after").mkdir()
    for erase in (lambda it: it.keep_only(()), lambda it: it.hand_on(KeptConversations(tmp_path / "after"))):
        kept = KeptConversations(tmp_path)
        for number in range(8):
            kept.add("alice", "one", turn(number), of({"a.txt"}))
        (tmp_path / FILE).write_bytes(damaged((tmp_path / FILE).read_bytes()))
        erase(kept)
        assert traces(tmp_path) == set()
        kept.add("alice", "one", turn(9), nothing)
        assert kept.turns("alice", "one") == [turn(9).content]
        (tmp_path / FILE).unlink()


def test_a_file_of_a_newer_version_is_left_as_it_is(tmp_path: Path) -> None:
    kept = KeptConversations(tmp_path)
    kept.add("alice", "one", turn(1), nothing)
    with sqlite3.connect(tmp_path / FILE) as database:
        database.execute(f"PRAGMA user_version = {FORMAT + 1}")
    before = (tmp_path / FILE).read_bytes()
    for use in (
        lambda: kept.add("alice", "one", turn(2), nothing),
        lambda: kept.delete("alice", "one"),
        lambda: kept.keep_only(()),
        lambda: kept.of("alice"),
    ):
        with pytest.raises(DiskError, match="made by a newer version of memorag-graph; update"):
            use()
    assert (tmp_path / FILE).read_bytes() == before


def test_a_failing_disk_is_not_taken_for_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = KeptConversations(tmp_path)

    def failing(path: Path) -> bytes:
        raise OSError(errno.EIO, "Input/output error")

    (tmp_path / FILE).write_bytes(NO_DATABASE)  # what SQLite gets to read
    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", failing)
        with pytest.raises(DiskError, match=r"Input/output error.*check its disk"):
            kept.keep_only(())
    assert (tmp_path / FILE).read_bytes() == NO_DATABASE


CITED = {"source": "b.txt"}


@pytest.mark.parametrize(
    ("more", "sources"),
    [
        ({}, {"a.txt"}),
        ({"citations": [CITED]}, {"a.txt", "b.txt"}),
        ({"conflicts": [{"stated": CITED, "other": {"source": "c.txt"}}]}, {"a.txt", "b.txt", "c.txt"}),
        ({"spans": ["The harbour."]}, None),
        ({"draft": "The harbour."}, None),
        ({"outline": ["The harbour."]}, None),
        ({"surrogates": ["Which harbour?"]}, None),
        ({"basis": "memory"}, None),
        ({"considered": [{"name": "d.txt"}], "document_clues": [{"document": "e.txt"}]}, {"a.txt", "d.txt", "e.txt"}),
        ({"considered": [{"name": "d.txt"}], "basis": "memory", "draft": "It froze."}, {"a.txt", "d.txt"}),
    ],
)
def test_a_turn_knows_the_documents_that_it_may_hold_text_of(more: dict[str, Any], sources: set[str] | None) -> None:
    assert sources_of(answer("When?", **more)) == sources
    compared = {**answer("When?"), "plain": answer("When?", **more)["result"]}
    assert sources_of(compared) == sources
