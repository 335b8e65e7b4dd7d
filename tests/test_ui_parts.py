"""The parts of the web demo without a browser: jobs, conversations, passages, export, drawing of the graph."""

import gc
import re
import threading
from types import SimpleNamespace
from typing import Any

import pytest
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec
from streamlit.testing.v1 import AppTest

from memorag_graph.clues.clue_filter import DROP_REASONS
from memorag_graph.documents import Document
from memorag_graph.errors import InputError
from memorag_graph.graph import build_graph
from memorag_graph.progress import Progress
from memorag_graph.registry import Registry
from memorag_graph.run_scope import ProgramScope
from memorag_graph.serving.client_graph import client_graph
from memorag_graph.serving.credentials import Principal
from memorag_graph.serving.tenants import Tenants
from memorag_graph.ui import upload
from memorag_graph.ui.conversation import named_place
from memorag_graph.ui.conversation_store import ConversationStore
from memorag_graph.ui.export import to_markdown
from memorag_graph.ui.graph_drawing import path_dot
from memorag_graph.ui.jobs import Job, Jobs
from memorag_graph.ui.memory_work import Memorizing
from memorag_graph.ui.panels import _UNUSED
from memorag_graph.ui.passages import escaped, passage_html, place_of
from memorag_graph.ui.questions import Question, Questions
from memorag_graph.ui.subjects import TenantSubjects
from tests.conftest import TEXT, TINY

QUESTION = "Who was proud of the harbour at Thorle?"


class Slow(Registry):
    """Memorizes in steps that a test releases one by one."""

    def __init__(self, registry: Registry) -> None:
        self.made, self._registry, self.store = 0, registry, registry.store
        self.steps = threading.Semaphore(0)

    def memorize(self, documents: Any, options: Any, directory: Any = None, report: Any = None) -> Any:
        self.made += 1
        for done in range(3):
            self.steps.acquire()
            report(Progress("gists", done, 3, "tokens", f"gist {done}"))
        return self._registry.memorize(documents, options, directory)


def scope(registry: Registry, **options: Any) -> ProgramScope:
    return ProgramScope(registry, TINY.model_copy(update=options))


def ended(job: Job) -> str:
    for thread in threading.enumerate():
        if thread.name == "memorize":
            thread.join(30)
    return job.state


@pytest.fixture
def slow(registry: Registry) -> Slow:
    return Slow(registry)


DOCUMENTS = [Document("letters.txt", TEXT)]


def test_equal_jobs_run_once(slow: Slow) -> None:
    jobs = Jobs()
    first, second = (
        jobs.start(Memorizing(scope(slow), DOCUMENTS), "a"),
        jobs.start(Memorizing(scope(slow), DOCUMENTS), "b"),
    )
    assert first is second
    slow.steps.release(3)
    assert ended(first) == "done"
    assert (slow.made, first.memory_id != "") == (1, True)
    assert first.notes == ["gist 0", "gist 1", "gist 2"]


def test_leaving_repeatedly_stops_no_job_that_others_watch(slow: Slow) -> None:
    jobs = Jobs()
    job = jobs.start(Memorizing(scope(slow), DOCUMENTS), "a")
    jobs.start(Memorizing(scope(slow), DOCUMENTS), "b")
    jobs.start(Memorizing(scope(slow), DOCUMENTS), "a")
    assert not jobs.leave(job, "a")
    assert not jobs.leave(job, "a")
    slow.steps.release(3)
    assert ended(job) == "done"


def test_an_ended_job_is_dropped_once_nobody_shows_it(slow: Slow) -> None:
    jobs = Jobs()
    job = jobs.start(Memorizing(scope(slow), DOCUMENTS), "a")
    key = job.work.key
    slow.steps.release(3)
    assert ended(job) == "done"
    assert jobs.get(key) is job
    del job
    gc.collect()
    assert jobs.get(key) is None


def test_only_memory_settings_make_another_job(slow: Slow) -> None:
    jobs = Jobs()
    job = jobs.start(Memorizing(scope(slow), DOCUMENTS), "a")
    assert jobs.start(Memorizing(scope(slow, temperature=1.5, hits=3), DOCUMENTS), "b") is job
    other = jobs.start(Memorizing(scope(slow, retrieval_chunk_size=64), DOCUMENTS), "b")
    assert other is not job
    slow.steps.release(6)
    assert ended(job) == ended(other) == "done"


def test_an_abandoned_job_stops_and_can_be_restarted(slow: Slow) -> None:
    jobs = Jobs()
    job = jobs.start(Memorizing(scope(slow), DOCUMENTS), "a")
    assert jobs.leave(job, "a")
    slow.steps.release(1)
    assert ended(job) == "stopped"
    again = jobs.start(job.work, "a")
    slow.steps.release(3)
    assert ended(again) == "done"


def test_a_failed_job_keeps_its_error(registry: Registry) -> None:
    class Broken(Registry):
        def memorize(self, *_: Any, **__: Any) -> Any:
            raise InputError("gist_tokens", "too long")

    job = Jobs().start(Memorizing(scope(Broken()), DOCUMENTS), "a")
    assert ended(job) == "failed"
    assert job.error == "gist_tokens: too long"


def test_the_rate_and_the_time_left() -> None:
    job = Job(Memorizing(scope(Registry()), DOCUMENTS))
    job.report(Progress("gists", 0, 100, "tokens"))
    assert job.seconds_left("gists") is None
    job._first_reports["gists"] = (job._first_reports["gists"][0] - 10, 0)
    job.report(Progress("gists", 25, 100, "tokens"))
    assert job.rate("gists") == pytest.approx(2.5, rel=0.05)
    assert job.seconds_left("gists") == pytest.approx(30, rel=0.05)


@pytest.fixture
def result(registry: Registry) -> dict[str, Any]:
    inputs: Any = {"context": TEXT, "query": QUESTION}
    return build_graph(registry).invoke(inputs, context=TINY)


def test_the_passage_around_a_citation_marks_the_quotation(registry: Registry, result: dict[str, Any]) -> None:
    chunks = registry.open(result["memory_id"], TINY).index.chunks
    for citation in result["citations"]:
        html = passage_html(chunks, citation)
        marked = html.partition('<mark id="quotation">')[2].partition("</mark>")[0]
        assert marked == citation["quote"]
        before = re.sub("<.*?>", "", html.partition('<mark id="quotation">')[0]).removeprefix("… ")
        wanted = "".join(TEXT[max(0, citation["start"] - 500) : citation["start"]].split())
        assert wanted.endswith("".join(before.split()))
        assert len(before.split()) > min(20, len(wanted) // 20)
        assert not before or f" {before.split()[0]} " in f" {' '.join(TEXT.split())} "


def test_a_quotation_after_many_short_lines_stays_visible(registry: Registry) -> None:
    text = "\n".join(f"item {number}" for number in range(200))
    opened = registry.memorize([Document("a.txt", text)], TINY)
    place = text.index("item 150")
    html = passage_html(opened.index.chunks, {"source": "a.txt", "start": place, "end": place + 8})
    before = re.sub("<.*?>", "", html.partition("<mark")[0])
    assert before.startswith("… ")
    assert before.split()[-2:] == ["item", "149"]
    assert before.count("\n") <= 8


def test_html_in_documents_is_escaped(registry: Registry) -> None:
    text = "The <b>harbour</b> & <script>alert(1)</script> froze. " * 30
    opened = registry.memorize([Document("a.html", text)], TINY)
    html = passage_html(opened.index.chunks, {"source": "a.html", "start": 60, "end": 90})
    assert "<script>" not in html
    assert "&lt;b&gt;" in html


def test_markdown_in_documents_is_escaped() -> None:
    from markdown_it import MarkdownIt

    text = "![a](http://b.c/d.png) [e](http://f) <b> `g` *h* __i__ http://j"
    assert MarkdownIt().render(escaped(text)) == f"<p>{text.replace('<b>', '&lt;b&gt;')}</p>\n"


@pytest.mark.parametrize(
    ("heading", "shown"),
    [
        ("Letter to shareholders for the year 2014", "2014"),
        ("Report for 2014 of the harbour board", "Report for 2014 of the h"),
        ("The harbour board and its members", "The harbour board and it"),
        ("", ""),
    ],
)
def test_a_heading_that_is_cut_off_is_told_by_its_year(heading: str, shown: str) -> None:
    assert named_place(heading) == shown


def test_a_conversation_is_exported_with_its_citations(result: dict[str, Any]) -> None:
    other = {**result, "answer": "", "citations": []}
    text = to_markdown([{"result": result}, {"result": other, "plain": {**result, "answer": "Plainly."}}])
    assert text.count(f"## {QUESTION}") == 2
    for citation in result["citations"]:
        assert f"[{citation['number']}] context, characters" in text
        assert " ".join(citation["quote"].split()) in text
    assert "No answer found." in text
    assert (
        text.index("### Plain RAG") < text.index("Plainly.") < text.index("### memorag") < text.index("No answer found")
    )


@pytest.mark.parametrize(
    ("found", "shown"),
    [
        ({"page": 3, "section": "Fares"}, "a.pdf, page 3, “Fares”"),
        ({"page": 3, "ocr": True, "section": "Fares"}, "a.pdf, page 3 (read by OCR), “Fares”"),
        ({"page": 3, "ocr": None}, "a.pdf, page 3"),
        ({"section": "Fares"}, "a.pdf, “Fares”, characters 1,000–1,010"),
        ({}, "a.pdf, characters 1,000–1,010"),
    ],
)
def test_places_are_readable(found: dict[str, Any], shown: str) -> None:
    assert place_of({"source": "a.pdf", "start": 1000, "end": 1010, **found}) == shown


def test_the_drawing_shows_which_nodes_ran(registry: Registry, result: dict[str, Any]) -> None:
    dot = path_dot(build_graph(registry), result["timings"])
    for node in ("recall", "rewrite", "retrieve", "generate"):
        assert f'"{node}" [label="{node}\\n{result["timings"][node]:.2f} s" style="filled' in dot
    assert '"outline" [label="outline" style="rounded,dashed"' in dot
    assert '"retrieve" -> "generate"' in dot


def test_the_sliders_take_any_options_of_the_operator() -> None:
    def page() -> None:
        import streamlit as st

        from memorag_graph.settings import RunOptions
        from memorag_graph.ui.sidebar import settings

        given = RunOptions(hits=500, evidence_tokens=32, retrieval_chunk_size=2048, retrieval_chunk_overlap=64)
        st.session_state.kept = settings(given).options.model_dump(exclude={"generator"}) == given.model_dump(
            exclude={"generator"}
        )

    shown = AppTest.from_function(page).run()
    assert not shown.exception
    assert shown.session_state.kept
    assert shown.slider(key="chunk_size").min > 64  # larger than the overlap


def test_read_uploads_are_freed(monkeypatch: pytest.MonkeyPatch) -> None:
    manager = MemoryUploadedFileManager("/upload")
    for name in ("read", "other"):
        manager.add_file("session", UploadedFileRec(name, f"{name}.txt", "text/plain", b"text"))
    context = SimpleNamespace(uploaded_file_mgr=manager, session_id="session")
    monkeypatch.setattr(upload, "get_script_run_ctx", lambda: context)
    read: Any = SimpleNamespace(file_id="read")
    upload.free([read])
    assert [file.file_id for file in manager.get_files("session", ["read", "other"])] == ["other"]


def test_every_reason_for_dropping_a_clue_is_put_in_words() -> None:
    assert set(_UNUSED) == set(DROP_REASONS)


class Gated(ConversationStore):
    """Lets a test decide when a question begins to be answered."""

    def __init__(self, subjects: TenantSubjects) -> None:
        super().__init__("visitor", subjects)
        self.gate = threading.Semaphore(0)

    def get(self, subject: str, visit: str) -> Any:
        self.gate.acquire()
        return super().get(subject, visit)


@pytest.fixture
def questions(registry: Registry) -> tuple[Questions, Gated, str]:
    memory_id = registry.memorize(DOCUMENTS, TINY).memory.id
    tenants = Tenants(registry)
    store = Gated(TenantSubjects(registry.store, tenants.libraries(""), {}))
    asking = Questions(client_graph(tenants), store, Principal(), tenants.usage.count_request)
    return asking, store, memory_id


def answered() -> None:
    for thread in threading.enumerate():
        if thread.name == "answer":
            thread.join(30)


def test_questions_of_one_conversation_wait_for_each_other(questions: tuple[Questions, Gated, str]) -> None:
    asking, store, memory_id = questions
    first = Question(QUESTION, {"memory_id": memory_id}, "qa", False, TINY)
    second = Question("Who was drowned?", {"memory_id": memory_id}, "lookup", False, TINY)
    asking.ask("a", first)
    asking.ask("a", second)
    assert asking.open("a") == (first, second)
    assert second.state == "waiting"
    assert asking.open("b") == ()
    store.gate.release(2)
    answered()
    assert asking.open("a") == ()
    store.gate.release()
    turns = store.get(memory_id, "a")
    assert [turn["result"]["asked"] for turn in turns] == [QUESTION, "Who was drowned?"]
    assert first.answer.strip() == turns[0]["result"]["answer"].strip()
    assert second.passages == len(turns[1]["result"]["evidence"]) > 0


def test_a_stopped_question_and_a_failed_one_stay_until_they_are_removed(
    questions: tuple[Questions, Gated, str],
) -> None:
    asking, store, memory_id = questions
    stopped = Question(QUESTION, {"memory_id": memory_id}, "qa", False, TINY)
    failed = Question(QUESTION, {"memory_id": "0" * 32}, "lookup", False, TINY)
    compared = Question(QUESTION, {"memory_id": memory_id}, "lookup", True, TINY)
    for question in (stopped, failed, compared):
        asking.ask("a", question)
    stopped.stop()
    store.gate.release(3)
    answered()
    assert [(it.state, bool(it.error)) for it in asking.open("a")] == [("stopped", False), ("failed", True)]
    store.gate.release()
    (turn,) = store.get(memory_id, "a")
    assert turn["plain"]["citations"] == turn["result"]["citations"]
    for question in (stopped, failed):
        asking.drop("a", question)
    assert asking.open("a") == ()
