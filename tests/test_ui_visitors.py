"""Who visits the web demo and what belongs to whom, without a browser."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from memorag_graph.errors import InputError, UnknownMemoryError
from memorag_graph.kept_conversations import FILE
from memorag_graph.library.found_files import uploaded_text
from memorag_graph.library.library import Library
from memorag_graph.memory.storage import given_names
from memorag_graph.registry import Registry
from memorag_graph.serving.credentials import Everybody, KeyFile, OneKey, Principal
from memorag_graph.serving.quotas import Quota
from memorag_graph.serving.tenants import Tenants
from memorag_graph.ui import past_conversations, resources, visitors
from memorag_graph.ui.conversation_store import Before
from memorag_graph.ui.gate import Gate, login_routes
from memorag_graph.ui.memory_list import matching
from memorag_graph.ui.memory_work import Memorizing
from memorag_graph.ui.questions import Question
from memorag_graph.ui.resources import Demo, Resources
from memorag_graph.ui.sidebar import WAYS, ways_of
from memorag_graph.ui.turn_parts import Turn
from memorag_graph.ui.visitors import SESSION, Visitors
from tests.conftest import TINY
from tests.servers import RunningApp
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


@pytest.fixture
def door(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], httpx.Client]]:
    """Serves the gate before a page, behind a proxy at an address."""
    running = []

    def open_door(proxy: str) -> httpx.Client:
        monkeypatch.setenv("FORWARDED_ALLOW_IPS", proxy)
        known = Visitors(OneKey("secret"))
        page = Route("/", lambda _: PlainTextResponse("inside"))
        app = Starlette(routes=[*login_routes(known), page], middleware=[Middleware(Gate, known)])
        running.append(RunningApp(app))
        return httpx.Client(base_url=running[-1].url)

    yield open_door
    for it in running:
        it.stop()


FROM_ELSEWHERE = (
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": "https://other.example"},
    {"Origin": "null"},
)


def test_only_a_page_of_the_demo_logs_out(door: Callable[[str], httpx.Client]) -> None:
    http = door("127.0.0.1")
    assert http.post("/login", data={"key": "secret"}).status_code == 303
    for headers in FROM_ELSEWHERE:
        refused = http.post("/logout", headers=headers)
        assert (refused.status_code, "set-cookie" in refused.headers) == (403, False), headers
    assert http.get("/logout").status_code == http.head("/logout").status_code == 405
    assert http.get("/").text == "inside"
    session = http.cookies[SESSION]
    left = http.post("/logout", headers={"Sec-Fetch-Site": "same-origin", "Origin": "https://behind.a.proxy"})
    assert (left.status_code, left.headers["location"], dict(http.cookies)) == (303, "/login", {})
    assert httpx.get(str(http.base_url), cookies={SESSION: session}).status_code == 401


@pytest.mark.parametrize(("proxy", "is_believed"), [("127.0.0.1", True), ("10.9.8.7", False)])
def test_a_cookie_is_secure_where_a_trusted_proxy_says_https(
    proxy: str, is_believed: bool, door: Callable[[str], httpx.Client]
) -> None:
    http = door(proxy)
    for by, is_https in (("https", True), ("http", False), (None, False)):
        headers = {"X-Forwarded-Proto": by} if by else {}
        cookie = http.post("/login", data={"key": "secret"}, headers=headers).headers["set-cookie"]
        assert ("Secure" in cookie) == (is_https and is_believed), (cookie, by)
        assert {"HttpOnly", "SameSite=lax"} <= set(cookie.split("; "))
        cookie = http.post("/logout", headers=headers).headers["set-cookie"]
        assert ("Secure" in cookie) == (is_https and is_believed), (cookie, by)


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
    memory_id = job.memory_id
    del job
    for it in found:
        it.questions.ask("same visit", Question(QUESTION, {"memory_id": memory_id}, "lookup", False, TINY))
    answered()
    assert [len(it.conversations.get(memory_id, "same visit")) for it in found] == [0, 1, 1, 0]
    assert [len(it.questions.open("same visit")) for it in found] == [1, 0, 0, 1]
    found[1].registry.delete(memory_id)
    assert [len(it.conversations.get(memory_id, "same visit")) for it in found] == [0, 0, 0, 0]


def test_conversations_outlive_the_demo_and_no_other_visitor_sees_them(demo: Demo) -> None:
    alice = demo.resources(ALICE)
    job = alice.jobs.start(Memorizing(alice.scope(TINY), DOCUMENTS), "a")
    assert ended(job) == "done"
    memory_id = job.memory_id
    alice.questions.ask("first", Question(QUESTION, {"memory_id": memory_id}, "memorag", True, TINY))
    answered()
    said = alice.conversations.get(memory_id, "first")
    again = Demo(TINY, demo.tenants, demo.visitors)
    after = again.resources(ALICE).conversations
    assert after.get(memory_id, "first") == said
    assert [(it.visit, it.title, it.questions) for it in after.about(memory_id)] == [("first", QUESTION, 1)]
    assert said[0]["result"]["evidence"][0].page_content
    for other in (RITA, BOB, Principal(), replace(ALICE, issuer="https://login.example"), replace(ALICE, tenant="x")):
        theirs = again.resources(other).conversations
        assert (theirs.about(memory_id), theirs.get(memory_id, "first")) == ([], ())
        theirs.delete(memory_id, "first")
    assert after.get(memory_id, "first") == said
    follow_up = Question("And at Inshay?", {"memory_id": memory_id}, "lookup", False, TINY)
    again.resources(ALICE).questions.ask("first", follow_up)
    answered()
    assert [it["result"]["asked"] for it in after.get(memory_id, "first")] == [QUESTION, "And at Inshay?"]


def test_an_answer_from_a_document_or_memory_that_was_deleted_meanwhile_is_not_kept(
    demo: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = demo.resources(ALICE)
    library = alice.libraries.create("coast")
    library.add(uploaded_text("The ferry sails at seven.", "ferry.txt", {}), memory="never")
    library.add(uploaded_text("The tower has two lamps.", "tower.txt", {}), memory="never")
    ask = Question.run

    def removed_meanwhile(question: Question, *given: Any) -> Any:
        turn = ask(question, *given)
        if "sail" in question.text:
            library.remove("ferry.txt")
        return turn

    monkeypatch.setattr(Question, "run", removed_meanwhile)
    for visit, text in (("a", "When does the ferry sail?"), ("b", "How many lamps has the tower?")):
        alice.questions.ask(visit, Question(text, {"library": "coast"}, "lookup", False, TINY))
        answered()
    (left,) = alice.questions.open("a")
    assert (left.state, "was removed meanwhile; ask again" in left.error, left.answer) == ("failed", True, "")
    assert [len(alice.conversations.get("coast", it)) for it in "ab"] == [0, 1]
    with pytest.raises(UnknownMemoryError, match="deleted meanwhile"):
        alice.conversations.before("0" * 32, "a")
    with pytest.raises(UnknownMemoryError, match="deleted meanwhile"):
        alice.conversations.add("0" * 32, "a", alice.conversations.get("coast", "b")[0], Before((), {}))
    assert not alice.registry.store.directory("0" * 32).exists()


def test_an_answer_that_the_disk_cannot_keep_is_shown_with_the_reason(demo: Demo) -> None:
    alice = demo.resources(ALICE)
    library = alice.libraries.create("coast")
    library.add(uploaded_text("The ferry sails at seven.", "ferry.txt", {}), memory="never")
    (library.directory / FILE).mkdir()
    alice.questions.ask("a", Question("When does the ferry sail?", {"library": "coast"}, "lookup", False, TINY))
    answered()
    (left,) = alice.questions.open("a")
    assert (left.state, FILE in left.error) == ("failed", True), left.error
    assert "sails at seven" in left.answer


def test_what_a_library_loses_by_any_door_its_conversations_lose_to_the_byte(demo: Demo) -> None:
    alice, rita = demo.resources(ALICE), demo.resources(RITA)
    library = alice.libraries.create("coast")
    library.add(uploaded_text("The ferry Qwertzu sails at seven.", "ferry.txt", {}), memory="never")
    library.add(uploaded_text("The tower Poiuztr has two lamps.", "tower.txt", {}), memory="never")
    for it, questions in (
        (alice, ("How many lamps has the tower Poiuztr?", "When does the ferry Qwertzu sail?", "Has the tower lamps?")),
        (rita, ("How many lamps has the tower Poiuztr?",)),
    ):
        for text in questions:
            it.conversations.add("coast", "visit", answer_from(it, text), it.conversations.before("coast", "visit"))

    def left() -> set[bytes]:
        files = [it.read_bytes() for it in library.directory.rglob("conversations*")]
        words = (b"Qwertzu", b"ferry.txt", b"Poiuztr", b"tower.txt")
        return {word for word in words for file in files if word in file}

    assert left() == {b"Qwertzu", b"ferry.txt", b"Poiuztr", b"tower.txt"}
    (first, *_) = alice.conversations.get("coast", "visit")
    assert {it["name"] for it in first["result"]["considered"]} == {"ferry.txt", "tower.txt"}
    assert {it["source"] for it in first["result"]["citations"]} == {"tower.txt"}
    Library.open(library.directory, embedding_model="hash", registry=alice.registry).remove("ferry.txt")
    assert left() == {b"Poiuztr", b"tower.txt"}
    assert [len(it.conversations.get("coast", "visit")) for it in (alice, rita)] == [1, 1]
    alice.libraries.rename("coast", "shore")
    alice.moved("coast", "shore")
    assert [len(it.conversations.get("shore", "visit")) for it in (alice, rita)] == [1, 1]
    again = rita.conversations.get("shore", "visit")[0]
    rita.conversations.add("coast", "visit", again, rita.conversations.before("shore", "visit"))  # asked before
    assert len(rita.conversations.get("shore", "visit")) == 2
    alice.libraries.delete("shore")
    assert not list(library.directory.parent.rglob("conversations*"))
    alice.libraries.create("coast")
    assert alice.conversations.about("coast") == []


def answer_from(visitor: Resources, text: str) -> Turn:
    """Return the turn that answers a question to the library of the tests by search."""
    question = Question(text, {"library": "coast"}, "lookup", False, TINY.model_copy(update={"hits": 1}))
    return question.run(visitor.graph, (), visitor.visitor)


def test_visitors_who_wait_for_nothing_are_forgotten_the_least_recently_seen_first(
    demo: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resources, "MAX_VISITORS", 3)
    everybody = [Principal(f"user-{number}", "acme") for number in range(8)]
    first = demo.resources(everybody[0])
    with first.questions._lock:
        first.questions._working.add("visit")
    second = demo.resources(everybody[1])
    for visitor in everybody[2:]:
        demo.resources(visitor)
        demo.resources(everybody[1])
    assert len(demo._known) == 3
    assert demo.resources(everybody[0]).questions is first.questions
    assert demo.resources(everybody[1]).questions is second.questions
    first.questions._working.clear()
    for visitor in everybody[2:]:
        demo.resources(visitor)
    assert demo.resources(everybody[0]).questions is not first.questions


def test_moves_are_forgotten_the_earliest_first_and_with_the_last_visitor_of_a_tenant(
    demo: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resources, "MAX_VISITORS", 2)
    monkeypatch.setattr(resources, "MAX_MOVES", 3)
    alice = demo.resources(ALICE)
    for subject, to in (("a", "b"), ("b", "c"), ("d", "e"), ("a", "f"), ("g", "h"), ("i", "g")):
        alice.moved(subject, to)
    assert [*alice.moves.items()] == [("d", "e"), ("a", "f"), ("i", "g")]
    assert demo.resources(RITA).moves is alice.moves
    demo.resources(BOB)
    assert demo.resources(RITA).moves is alice.moves
    for number in range(3):
        demo.resources(Principal(f"user-{number}", "others"))
    assert set(demo._moves) == {"others"}


def test_a_question_beyond_the_quota_fails_and_stays(demo: Demo) -> None:
    alice = demo.resources(ALICE)
    job = alice.jobs.start(Memorizing(alice.scope(TINY), DOCUMENTS), "a")
    assert ended(job) == "done"
    for _ in range(3):
        alice.questions.ask("a", Question(QUESTION, {"memory_id": job.memory_id}, "lookup", False, TINY))
    answered()
    assert len(alice.conversations.get(job.memory_id, "a")) == 2
    (left,) = alice.questions.open("a")
    assert (left.state, "requests a minute" in left.error) == ("failed", True)


def test_no_question_reaches_a_path(demo: Demo, registry: Registry) -> None:
    alice, own = demo.resources(ALICE), registry.memorize(DOCUMENTS, TINY)
    place = str(registry.store.directory(own.memory.id))
    for visit, about in (("a", {"memory_id": place}), ("b", {"library": place})):
        alice.questions.ask(visit, Question(QUESTION, about, "lookup", False, TINY))
    answered()
    assert alice.conversations.about(own.memory.id) == []
    assert [it.state for visit in "ab" for it in alice.questions.open(visit)] == ["failed", "failed"]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "just now"), (59, "just now"), (60, "1 minute ago"), (7200, "2 hours ago"), (200_000, "2 days ago")],
)
def test_ages_are_told_in_words(seconds: float, words: str) -> None:
    assert past_conversations.age(seconds) == words


def test_a_title_that_is_cut_is_read_whole_by_pointing_at_it() -> None:
    from streamlit.testing.v1 import AppTest

    def page() -> None:
        from types import SimpleNamespace

        import streamlit as st

        from memorag_graph.kept_turns import Conversation
        from memorag_graph.ui import past_conversations

        titles = (
            "When was the harbour closed?",
            "What did the *council* say " + "of the ferry and " * 9 + "of the pier?",
        )
        found = [Conversation(f"visit {at}", title, at + 1, 0.0) for at, title in enumerate(titles)]
        st.session_state.titles = titles
        past_conversations.show(SimpleNamespace(conversations=SimpleNamespace(about=lambda _: found)), library="coast")

    shown = AppTest.from_function(page).run()
    assert not shown.exception
    short, cut = (it for it in shown.button if str(it.key).startswith("open-"))
    whole = shown.session_state.titles[1].replace("*", "\\*")
    assert (short.label, cut.label) == (shown.session_state.titles[0], f"{whole[:62]} …")
    assert re.fullmatch(r"1 question, \d+ days ago", short.help)
    assert re.fullmatch(rf"{re.escape(whole)}\n\n2 questions, \d+ days ago", cut.help)


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
