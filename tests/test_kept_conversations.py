"""Conversations in the folder of what they are about: kept, listed, bounded, and deleted to the byte."""

import errno
import random
import sqlite3
import stat
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import pytest
from langchain_core.documents import Document

from memorag_graph import kept_conversations
from memorag_graph.errors import DiskError, InputError, UnknownDocumentError
from memorag_graph.kept_conversations import FILE, FORMAT, KeptConversations
from memorag_graph.kept_turns import Beside, KeptTurn, KnownMarks, NewTurn, Sources
from memorag_graph.ui.conversation_store import ConversationStore
from memorag_graph.ui.turn_parts import drawn_from

VISITORS, VISITS, NAMES = ("alice", "bob"), ("one", "two", "three"), ("a.txt", "b.txt", "c.txt", "d.txt")


def marks() -> KnownMarks:
    """Return the marks of the documents of the tests: their names."""
    return {name: [name] for name in NAMES}


def turn(number: int, sources: Sources = (), beside: Sequence[Beside] = ()) -> NewTurn:
    """Return a turn whose text fits into a page of the file or goes on for several."""
    text = f"Zyxwvut {number} " + f"and the harbour {number} froze " * (1, 9, 90, 400)[number % 4]
    return NewTurn(f"Asdfghj {number}?", text, sources, beside)


def beside(number: int, sources: Sources) -> Beside:
    """Return what is kept beside a turn: text that is in no other."""
    return Beside(sources, f"Poiuztr {number} " + f"the tower {number} fell " * (400, 1, 90)[number % 3])


def traces(folder: Path) -> set[str]:
    """Return the questions and answers of which the files of a folder hold anything."""
    content = b"".join(it.read_bytes() for it in folder.rglob("*") if it.is_file()).decode("utf-8", "replace")
    return {word for word in words(set(range(200)), set(range(200))) if word in content}


def words(turns: set[int], besides: Collection[int] = ()) -> set[str]:
    found = {word for it in turns for word in (f"Zyxwvut {it} ", f"Asdfghj {it}?", f"harbour {it} ")}
    return found | {word for it in besides for word in (f"Poiuztr {it} ", f"tower {it} ")}


def test_any_changes_give_what_they_give_in_lists_and_no_byte_of_what_is_deleted_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(10_000))
    monkeypatch.setattr("time.time", lambda: float(next(clock)))
    chance = random.Random(7)  # with which SQLite leaves a copy, unless the file is rewritten
    expected: dict[tuple[str, str], list[tuple[int, set[str] | None, dict[int, set[str] | None]]]] = {}
    for number in range(90):
        kept, key = KeptConversations(tmp_path), (chance.choice(VISITORS), chance.choice(VISITS))
        action = chance.random()
        if action < 0.8:
            sources = set(chance.sample(NAMES, 1)) if chance.random() >= 0.2 else None
            its = {
                2 * number: set(chance.sample(NAMES, 2)),
                2 * number + 1: chance.choice([None, {chance.choice(NAMES)}]),
            }
            kept.add(*key, turn(number, sources, [beside(*it) for it in its.items()]), marks)
            expected[key] = [*expected.pop(key, []), (number, sources, its)]
        elif action < 0.9:
            kept.delete(*key)
            expected.pop(key, None)
        else:
            names = set(chance.sample(NAMES, 3))
            kept.keep_only(names)
            for at, turns in [*expected.items()]:
                cut = next((n for n, (_, its, _) in enumerate(turns) if its is None or its - names), len(turns))
                left = [(no, its, {k: v for k, v in more.items() if v and v <= names}) for no, its, more in turns[:cut]]
                expected[at] = left
            expected = {at: turns for at, turns in expected.items() if turns}
        for visitor in VISITORS:
            listed = [(it.visit, it.title, it.questions) for it in kept.of(visitor)]
            wanted = [(at[1], turns) for at, turns in expected.items() if at[0] == visitor]
            assert sorted(listed) == sorted((visit, f"Asdfghj {its[0][0]}?", len(its)) for visit, its in wanted)
            for visit in VISITS:
                said = [
                    KeptTurn(turn(at).content, tuple(beside(it, None).content for it in more))
                    for at, _, more in expected.get((visitor, visit), [])
                ]
                assert kept.turns(visitor, visit) == said
        left_of = [it for turns in expected.values() for it in turns]
        assert traces(tmp_path) == words({at for at, _, _ in left_of}, {it for *_, more in left_of for it in more})
    assert expected


def test_the_conversation_that_has_rested_longest_is_dropped_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(10_000))
    monkeypatch.setattr("time.time", lambda: float(next(clock)))
    monkeypatch.setattr(kept_conversations, "MAX_CONVERSATIONS", 3)
    kept = KeptConversations(tmp_path)
    kept.add("bob", "his", turn(9), marks)
    for number, visit in enumerate(("one", "two", "three", "one", "four", "five")):
        kept.add("alice", visit, turn(number), marks)
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

    def refuse() -> KnownMarks:
        raise InputError("document", "it was removed")

    with pytest.raises(InputError, match="removed"):
        kept.add("alice", "one", turn(1), refuse)
    assert (kept.of("alice"), traces(folder)) == ([], set())
    kept.add("alice", "one", turn(1), marks)
    assert stat.S_IMODE((folder / FILE).stat().st_mode) == 0o600
    with pytest.raises(DiskError, match="check that its directory exists"):
        KeptConversations(tmp_path / "gone").add("alice", "one", turn(1), marks)
    assert not (tmp_path / "gone").exists()


def test_handed_on_conversations_are_whole_and_leave_nothing(tmp_path: Path) -> None:
    (tmp_path / "before").mkdir()
    (tmp_path / "after").mkdir()
    before, after = (KeptConversations(tmp_path / it) for it in ("before", "after"))
    before.add("alice", "one", turn(1), marks)
    before.add("bob", "one", turn(2), marks)
    after.add("alice", "two", turn(3), marks)
    listed = before.of("alice")
    before.hand_on(after)
    assert (traces(tmp_path / "before"), before.of("alice")) == (set(), [])
    assert {it.visit for it in after.of("alice")} == {"one", "two"}
    assert listed[0] in after.of("alice")
    assert after.turns("bob", "one") == [KeptTurn(turn(2).content)]


def test_a_turn_that_goes_on_from_others_is_kept_after_these_or_refused(tmp_path: Path) -> None:
    kept = KeptConversations(tmp_path)
    for number in range(3):
        kept.add("alice", "one", turn(number, {NAMES[number]}), marks, after=number)
    for wrong in (0, 2, 4):
        with pytest.raises(InputError, match="what was said before was removed meanwhile; ask again"):
            kept.add("alice", "one", turn(9), marks, after=wrong)
    kept.keep_only([NAMES[0]])
    kept.add("alice", "one", turn(5), marks, after=1)
    assert [it.content for it in kept.turns("alice", "one")] == [turn(0).content, turn(5).content]


def test_a_turn_that_comes_while_its_conversation_is_handed_on_is_refused_and_not_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes between the reading here and the writing there; a memory that was changed is deleted after that."""
    (tmp_path / "before").mkdir()
    (tmp_path / "after").mkdir()
    before, after = (KeptConversations(tmp_path / it) for it in ("before", "after"))
    before.add("alice", "one", turn(1), marks)
    changing, late = KeptConversations._changing, ThreadPoolExecutor(1)
    added: list[Any] = []

    def with_another(kept: KeptConversations) -> Any:
        if kept is after:
            added.append(late.submit(before.add, "alice", "one", turn(2), marks, 1))
            wait(added, timeout=0.3)
        return changing(kept)

    monkeypatch.setattr(KeptConversations, "_changing", with_another)
    before.hand_on(after)
    assert "removed meanwhile" in str(added[0].exception())
    assert (before.turns("alice", "one"), after.turns("alice", "one")) == ([], [KeptTurn(turn(1).content)])


def test_turns_added_at_once_are_all_kept(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda at: KeptConversations(tmp_path).add("alice", "one", turn(at), marks), range(40)))
    found = [it.content for it in KeptConversations(tmp_path).turns("alice", "one")]
    assert sorted(found) == sorted(turn(at).content for at in range(40))


class Folders:
    """Folders by the names of what conversations are about."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def folder(self, subject: str) -> Path:
        (self._root / subject).mkdir(exist_ok=True)
        return self._root / subject

    def marks(self, subject: str) -> Callable[[], KnownMarks]:
        return marks


def answer(asked: str, **more: Any) -> dict[str, Any]:
    passage = Document("The ferry sails.", metadata={"source": "a.txt", "start": 0, "score": 0.25, "queries": []})
    found = {"asked": asked, "answer": "“Ä” \ud800", "evidence": [passage], "timings": {"retrieve": 0.125}}
    return {"where": ["year=2020"], "result": {**found, "citations": [], **more}}


def test_a_turn_is_read_as_it_was_written_but_for_what_repeats_it(tmp_path: Path) -> None:
    store = ConversationStore("alice", Folders(tmp_path))
    said = {**answer("When?"), "plain": answer("When?")["result"]}
    asked = {**said, "result": {**said["result"], "messages": [object()]}}
    store.add("ferry", "one", asked, store.before("ferry", "one"))
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
        store.add("ferry", "one", answer("When?"), store.before("ferry", "one"))
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
            kept.add("alice", "one", turn(number, {"a.txt"}), marks)
        (tmp_path / FILE).write_bytes(damaged((tmp_path / FILE).read_bytes()))
        erase(kept)
        assert traces(tmp_path) == set()
        kept.add("alice", "one", turn(9), marks)
        assert kept.turns("alice", "one") == [KeptTurn(turn(9).content)]
        (tmp_path / FILE).unlink()


def test_a_file_of_a_newer_version_is_left_as_it_is(tmp_path: Path) -> None:
    kept = KeptConversations(tmp_path)
    kept.add("alice", "one", turn(1), marks)
    with sqlite3.connect(tmp_path / FILE) as database:
        database.execute(f"PRAGMA user_version = {FORMAT + 1}")
    before = (tmp_path / FILE).read_bytes()
    for use in (
        lambda: kept.add("alice", "one", turn(2), marks),
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


def test_a_file_of_format_1_is_read_and_goes_on(tmp_path: Path) -> None:
    columns = "visitor TEXT, visit TEXT, number INTEGER, at REAL, asked TEXT, sources TEXT, content TEXT"
    with sqlite3.connect(tmp_path / FILE) as database:
        database.execute(f"CREATE TABLE turn ({columns}, PRIMARY KEY (visitor, visit, number))")
        row = ("alice", "one", 1, 0.0, "When?", '["a.txt"]', "At seven.")
        database.execute("INSERT INTO turn VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        database.execute("PRAGMA user_version = 1")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda at: KeptConversations(tmp_path).add("bob", "one", turn(at), marks), range(4)))
    kept = KeptConversations(tmp_path)
    kept.add("alice", "one", turn(5, {"b.txt"}, [beside(5, {"a.txt"})]), marks)
    assert [it.content for it in kept.turns("alice", "one")] == ["At seven.", turn(5).content]
    kept.keep_only(NAMES[1:])
    assert (kept.turns("alice", "one"), len(kept.turns("bob", "one"))) == ([], 4)


CITED = {"source": "b.txt"}
OF_D = {"name": "d.txt", "asked": True}
WRITTEN = {"tokens": {"generate": 9}}


@pytest.mark.parametrize(
    ("more", "sources"),
    [
        ({}, set()),
        ({"citations": [CITED]}, {"b.txt"}),
        ({"citations": [CITED], **WRITTEN}, {"a.txt", "b.txt"}),
        ({"conflicts": [{"stated": CITED, "other": {"source": "c.txt"}}]}, {"b.txt", "c.txt"}),
        ({"spans": ["The harbour."]}, set()),
        ({"spans": ["The harbour."], **WRITTEN}, None),
        ({"draft": "The harbour.", **WRITTEN}, None),
        ({"outline": ["The harbour."], **WRITTEN}, None),
        ({"surrogates": ["Which harbour?"], **WRITTEN}, None),
        ({"basis": "memory"}, None),
        ({"considered": [OF_D], "document_clues": [{"document": "e.txt"}]}, set()),
        ({"considered": [OF_D], "document_clues": [{"document": "e.txt"}], **WRITTEN}, {"a.txt", "e.txt"}),
        ({"considered": [OF_D, {"name": "c.txt", "asked": False}], "basis": "memory", "draft": "It froze."}, {"d.txt"}),
    ],
)
def test_an_answer_is_drawn_from_what_it_quotes_or_its_writer_was_given(
    more: dict[str, Any], sources: set[str] | None
) -> None:
    assert drawn_from(answer("When?", **more)) == sources
    compared = {**answer("When?"), "plain": answer("When?", **more)["result"]}
    assert drawn_from(compared) == sources


def of(name: str, word: str, number: int) -> Document:
    return Document(f"{word} sails.", metadata={"number": number, "source": name, "queries": [{"text": word}]})


def test_what_others_than_the_cited_document_said_goes_with_them_and_the_answer_stays(tmp_path: Path) -> None:
    """Every word of the turn that is of ``b.txt`` has "Beta" in it, and what both may have a part in "Both"."""
    found = answer(
        "When?",
        citations=[{"source": "a.txt", "quote": "Alpha sails."}],
        evidence=[of("b.txt", "Beta", 1), of("a.txt", "Alpha", 2), of("b.txt", "Beta", 3)],
        considered=[{"name": "b.txt", "asked": True}, {"name": "a.txt", "asked": True}],
        document_clues=[{"document": "a.txt", "spans": ["Alpha"]}, {"document": "b.txt", "spans": ["Beta"]}],
        trace=[
            {"what": "route", "text": "memorag"},
            {"what": "considered", "text": "b.txt, version 1"},
            {"what": "dropped", "text": "Both"},
        ],
        notices=["A notice.", "b.txt has no memory that can be asked yet."],
    )
    store = ConversationStore("alice", Folders(tmp_path))
    repeats = {"memory_notices": found["result"]["notices"][1:]}
    asked = {**found, "result": {**found["result"], **repeats}}
    store.add("coast", "one", asked, store.before("coast", "one"))
    without_repeat = [it for it in found["result"]["trace"] if it["what"] != "considered"]
    assert store.get("coast", "one") == ({**found, "result": {**found["result"], "trace": without_repeat}},)
    KeptConversations(tmp_path / "coast").keep_only(["a.txt"])
    (left,) = store.get("coast", "one")
    content = (tmp_path / "coast" / FILE).read_bytes()
    assert [word for word in (b"Alpha", b"Beta", b"Both", b"b.txt") if word in content] == [b"Alpha"]
    assert left["result"] == {
        **found["result"],
        "evidence": found["result"]["evidence"][1:2],
        "considered": found["result"]["considered"][1:],
        "document_clues": found["result"]["document_clues"][:1],
        "trace": without_repeat[:1],
        "notices": ["A notice."],
    }


def test_what_a_memory_of_several_documents_recalled_goes_with_any_of_them_and_the_answer_stays(tmp_path: Path) -> None:
    found = answer(
        "When?",
        citations=[{"source": "a.txt", "quote": "Alpha sails."}],
        evidence=[of("a.txt", "Both", 1), of("b.txt", "Beta", 2)],
        spans=["Both"],
        draft="Both",
        memory={"notices": ["b.txt: page 1 is a picture"], "chunks": 2},
        notices=["A notice.", "b.txt: page 1 is a picture"],
    )
    store = ConversationStore("alice", Folders(tmp_path))
    store.add("memory", "one", found, store.before("memory", "one"))
    assert store.get("memory", "one") == (found,)
    KeptConversations(tmp_path / "memory").keep_only(["a.txt"])
    (left,) = store.get("memory", "one")
    content = (tmp_path / "memory" / FILE).read_bytes()
    assert [word for word in (b"Alpha", b"Beta", b"Both", b"b.txt") if word in content] == [b"Alpha"]
    whole = {key: it for key, it in found["result"].items() if key not in ("spans", "draft", "memory")}
    assert left["result"] == {**whole, "evidence": [], "notices": ["A notice."]}


def test_what_is_beside_an_answer_is_left_out_where_its_document_was_removed_meanwhile(tmp_path: Path) -> None:
    kept = KeptConversations(tmp_path)
    kept.add("alice", "one", turn(1, {"a.txt"}, [beside(1, {"a.txt"}), beside(2, {"gone.txt"})]), marks)
    assert kept.turns("alice", "one") == [KeptTurn(turn(1).content, (beside(1, None).content,))]
    with pytest.raises(UnknownDocumentError, match="removed meanwhile; ask again"):
        kept.add("alice", "one", turn(2, {"gone.txt"}), marks)
