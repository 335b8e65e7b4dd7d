"""Who visits the web demo and what belongs to whom, without a browser."""

import random
from dataclasses import replace
from pathlib import Path

import pytest

from memorag_graph.errors import InputError, UnknownMemoryError
from memorag_graph.memory.storage import given_names
from memorag_graph.registry import Registry
from memorag_graph.serving.credentials import Everybody, KeyFile, OneKey, Principal
from memorag_graph.serving.quotas import Quota
from memorag_graph.serving.tenants import Tenants
from memorag_graph.ui import past_conversations, visitors
from memorag_graph.ui.conversation_store import ConversationStore
from memorag_graph.ui.memory_list import matching
from memorag_graph.ui.memory_work import Memorizing
from memorag_graph.ui.questions import Question
from memorag_graph.ui.resources import Demo
from memorag_graph.ui.sidebar import WAYS, ways_of
from memorag_graph.ui.visitors import SESSION, Visitors
from tests.conftest import TINY
from tests.test_ui_parts import DOCUMENTS, QUESTION, answered, ended

ALICE, RITA, BOB = Principal("alice", "acme", "writer"), Principal("rita", "acme", "reader"), Principal("bob", "bobs")


@pytest.fixture
def keys(tmp_path: Path) -> KeyFile:
    return KeyFile(tmp_path / "keys.json")


@pytest.fixture
def demo(registry: Registry) -> Demo:
    return Demo(TINY, Tenants(registry, Quota(requests_per_minute=2), TINY), Visitors(Everybody()))


def test_without_keys_everybody_is_the_operator_and_with_keys_nobody() -> None:
    assert Visitors(Everybody()).find({}, {}) == Principal()
    assert not Visitors(Everybody()).has_login
    assert Visitors(OneKey("secret")).find({}, {}) is None
    assert Visitors(OneKey("secret")).has_login


def test_a_session_stands_for_its_key_until_it_is_left_or_the_key_is_revoked(keys: KeyFile) -> None:
    known, secret = Visitors(keys), keys.add("alice", "acme", "writer")
    assert known.admit("") is known.admit("mg_wrong") is None
    first, second = known.admit(secret), known.admit(secret)
    assert first != second
    assert first is not None
    assert secret not in first
    assert known.find({}, {SESSION: first}) == ALICE
    assert known.find({}, {SESSION: secret}) is None
    known.leave(first)
    assert known.find({}, {SESSION: first}) is None
    assert known.find({}, {SESSION: str(second)}) == ALICE
    keys.revoke("alice")
    assert known.find({}, {SESSION: str(second)}) is None


def test_a_key_or_token_in_a_header_counts_before_the_cookie_and_names_of_users_never(keys: KeyFile) -> None:
    known = Visitors(keys)
    alice, bob = (keys.add(it.name, it.tenant, "writer") for it in (ALICE, BOB))
    cookies = {SESSION: str(known.admit(alice))}
    for headers in ({"authorization": f"Bearer {bob}"}, {"authorization": f"bearer  {bob}"}, {"x-api-key": bob}):
        found = known.find(headers, cookies)
        assert found is not None
        assert found.name == "bob"
    assert known.find({"authorization": "Bearer wrong"}, cookies) is None
    for headers in ({"x-forwarded-user": "bob"}, {"authorization": f"Basic {bob}"}, {"cookie": bob}):
        assert known.find(headers, cookies) == ALICE
        assert known.find(headers, {}) is None


def test_the_least_recently_seen_visitor_is_logged_out_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visitors, "MAX_SESSIONS", 3)
    known = Visitors(OneKey("secret"))
    sessions = [str(known.admit("secret")) for _ in range(3)]
    assert known.find({}, {SESSION: sessions[0]})
    sessions.append(str(known.admit("secret")))
    assert [bool(known.find({}, {SESSION: it})) for it in sessions] == [True, False, True, True]


def test_each_visitor_has_conversations_and_each_tenant_memories_of_its_own(demo: Demo) -> None:
    everybody = (Principal(), ALICE, RITA, BOB)
    found = [demo.resources(visitor) for visitor in everybody]
    stores = [it.registry.store.root for it in found]
    assert stores[1] == stores[2]
    assert len(set(stores)) == 3
    assert len({id(it.conversations) for it in found}) == len({id(it.questions) for it in found}) == 4
    assert [it.is_operator for it in found] == [True, False, False, False]
    assert [it.may_write for it in found] == [True, True, False, True]
    again = demo.resources(Principal("rita", "acme", "writer"))  # the role may change, the conversations stay
    assert again.may_write
    assert again.conversations is found[2].conversations
    assert demo.resources(replace(ALICE, issuer="https://login.example")).conversations is not found[1].conversations
    job = found[1].jobs.start(Memorizing(found[1].scope(TINY), DOCUMENTS), "a")
    refused = found[2].jobs.start(Memorizing(found[2].scope(TINY), DOCUMENTS), "a")
    assert (ended(job), ended(refused)) == ("done", "failed")
    assert "role writer" in refused.error
    assert [len(it.registry.store.memories()) for it in found] == [0, 1, 1, 0]
    for it in found:
        it.questions.ask("same visit", Question(QUESTION, {"memory_id": job.memory_id}, "lookup", False, TINY))
    answered()
    assert [len(it.conversations.get("same visit")) for it in found] == [0, 1, 1, 0]
    assert [len(it.questions.open("same visit")) for it in found] == [1, 0, 0, 1]
    found[2].forget(job.memory_id)
    assert [len(it.conversations.get("same visit")) for it in found] == [0, 0, 0, 0]


def test_a_question_beyond_the_quota_fails_and_stays(demo: Demo) -> None:
    alice = demo.resources(ALICE)
    job = alice.jobs.start(Memorizing(alice.scope(TINY), DOCUMENTS), "a")
    assert ended(job) == "done"
    for _ in range(3):
        alice.questions.ask("a", Question(QUESTION, {"memory_id": job.memory_id}, "lookup", False, TINY))
    answered()
    assert len(alice.conversations.get("a")) == 2
    (left,) = alice.questions.open("a")
    assert (left.state, "requests a minute" in left.error) == ("failed", True)


def test_no_question_reaches_a_path(demo: Demo, registry: Registry) -> None:
    alice, own = demo.resources(ALICE), registry.memorize(DOCUMENTS, TINY)
    place = str(registry.store.directory(own.memory.id))
    for visit, about in (("a", {"memory_id": place}), ("b", {"library": place})):
        alice.questions.ask(visit, Question(QUESTION, about, "lookup", False, TINY))
    answered()
    assert [len(alice.conversations.get(it)) for it in "ab"] == [0, 0]
    assert [it.state for visit in "ab" for it in alice.questions.open(visit)] == ["failed", "failed"]


def test_conversations_are_listed_by_what_they_are_about_the_latest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(1000))
    monkeypatch.setattr("time.time", lambda: float(next(clock)))
    store, expected, random_ = ConversationStore(), {}, random.Random(7)
    for number in range(60):
        visit, subject = f"visit {random_.randrange(9)}", f"subject {random_.randrange(3)}"
        subject = expected.get(visit, (subject,))[0]
        store.add(visit, subject, {"result": {"asked": f"question {number}"}})
        turns = [*expected.get(visit, (subject, []))[1], f"question {number}"]
        expected.pop(visit, None)
        expected[visit] = (subject, turns)
    for subject in ("subject 0", "subject 1", "subject 2", "other"):
        wanted = [(visit, turns) for visit, (about, turns) in reversed(expected.items()) if about == subject]
        found = store.about(subject)
        assert [(it.visit, [turn["result"]["asked"] for turn in it.turns]) for it in found] == wanted
        assert [it.title for it in found] == [turns[0] for _, turns in wanted]
    gone, kept = store.about("subject 0")[0].visit, len(store.about("subject 0"))
    store.delete(gone)
    store.delete("unknown")
    assert (store.get(gone), len(store.about("subject 0"))) == ((), kept - 1)
    store.delete_about("subject 0")
    assert store.about("subject 0") == []
    assert store.about("subject 1")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "just now"), (59, "just now"), (60, "1 minute ago"), (7200, "2 hours ago"), (200_000, "2 days ago")],
)
def test_ages_are_told_in_words(seconds: float, words: str) -> None:
    assert past_conversations.age(seconds) == words


def test_a_memory_keeps_its_name_until_it_is_deleted(registry: Registry) -> None:
    memory_id, store = registry.memorize(DOCUMENTS, TINY).memory.id, registry.store
    assert given_names.name_of(store, memory_id) == ""
    given_names.rename(store, memory_id, "  Letters of\nthe ferry “Ä” ")
    assert given_names.name_of(store, memory_id) == "Letters of the ferry “Ä”"
    for wrong in ("x" * 101, "a\x07b"):
        with pytest.raises(InputError, match="up to 100 printable characters"):
            given_names.rename(store, memory_id, wrong)
    assert registry.open(memory_id, TINY).memory.id == memory_id
    given_names.rename(store, memory_id, " ")
    assert given_names.name_of(store, memory_id) == ""
    given_names.rename(store, memory_id, "again")
    registry.delete(memory_id)
    assert not list(store.root.rglob("name.txt"))
    with pytest.raises(UnknownMemoryError, match="deleted meanwhile"):
        given_names.rename(store, memory_id, "late")
    assert not store.directory(memory_id).exists()


def test_a_search_finds_titles_with_all_its_words() -> None:
    known = {"1": "Annual report 2020.pdf", "2": "Report of the ferry", "3": "letters.txt"}
    assert matching(known, "") == ["1", "2", "3"]
    assert matching(known, " REPORT ") == ["1", "2"]
    assert matching(known, "ferry report") == ["2"]
    assert matching(known, "nothing") == []


def test_every_task_has_a_way_in_words_and_libraries_have_no_summary() -> None:
    assert set(ways_of({"memory_id": "1"})) == set(WAYS) == {"qa", "memorag", "lookup", "summarize"}
    assert set(ways_of({"library": "a"})) == {"qa", "memorag", "lookup"}


def test_only_the_operator_names_a_model() -> None:
    from streamlit.testing.v1 import AppTest

    def page(any_model: bool) -> None:
        import streamlit as st

        from memorag_graph.settings import RunOptions
        from memorag_graph.ui.sidebar import settings

        st.session_state.chosen = settings(RunOptions(generator="local"), any_model=any_model).options.generator

    for any_model, boxes in ((True, 1), (False, 0)):
        shown = AppTest.from_function(page, args=(any_model,)).run()
        assert len([it for it in shown.selectbox if it.key == "generator"]) == boxes
        assert shown.session_state.chosen == "local"
