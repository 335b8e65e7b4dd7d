"""Evaluations with tiny models: killed and resumed, shared clues, faults, configs, equal evidence budgets."""

import json
import shutil
import signal
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bm25s
import pytest
import Stemmer
from langchain_classic.retrievers.multi_query import MultiQueryRetriever
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage

from memorag_graph.documents import Document
from memorag_graph.errors import InputError, ModelError
from memorag_graph.evaluation import runner
from memorag_graph.evaluation.chunks import count_tokens
from memorag_graph.evaluation.clue_runs import recollect
from memorag_graph.evaluation.dataset import Question
from memorag_graph.evaluation.jsonl_log import JournalFile
from memorag_graph.evaluation.metrics.score import MEASURED_TIME, METRICS
from memorag_graph.evaluation.outcome import Clues
from memorag_graph.evaluation.pipelines import expanded
from memorag_graph.evaluation.pipelines.choose_pipelines import choose_pipelines
from memorag_graph.evaluation.pipelines.memorag_pipeline import Memorag
from memorag_graph.evaluation.pipelines.truncation import both_ends
from memorag_graph.evaluation.results import Results
from memorag_graph.evaluation.workbench import Case, Workbench
from memorag_graph.find_evidence import search
from memorag_graph.graph import build_graph
from memorag_graph.models.embedding_cache import CachedEmbeddings
from memorag_graph.providers.usage import Prices
from memorag_graph.registry import Registry
from memorag_graph.retrieval.memory_index import MemoryIndex
from memorag_graph.retrieval.no_index import NoIndex
from memorag_graph.retrieval.query import Query
from tests.conftest import TEXT, HashEmbeddings
from tests.evaluation_process import (
    KILLED,
    OPTIONS,
    PIPELINES,
    PLAN,
    Killed,
    data_set,
    dying_after,
    raise_killed,
    run,
    short_clues,
)
from tests.warm_process import run_warm

ROOT = Path(__file__).parent.parent
STEMMER = Stemmer.Stemmer("english")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An uninterrupted run."""
    place = tmp_path_factory.mktemp("finished")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEMORAG_GRAPH_HOME", str(place / "home"))
        run(place / "run", plots=True)
    return place / "run"


def results(place: Path) -> Results:
    loaded: Results = json.loads((place / "results.json").read_text())
    return loaded


def without_time(found: Results) -> Mapping[str, Any]:
    return {
        name: {metric: it for metric, it in metrics.items() if metric not in MEASURED_TIME}
        for name, metrics in found.items()
    }


def items(place: Path, pipeline: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (place / "items" / f"{pipeline}.jsonl").read_text().splitlines()]


def kill_process(place: Path, lines: int) -> None:
    """Run in a process that is killed, so that nothing is cleaned up."""
    killed = run_warm(["-m", "tests.evaluation_process", str(place), str(lines)])
    assert killed.returncode == -signal.SIGKILL, killed.stderr


def break_off(place: Path, lines: int) -> None:
    with dying_after(lines, raise_killed), pytest.raises(Killed):
        run(place, KILLED)


@pytest.mark.parametrize(("lines", "kill"), [(3, break_off), (16, kill_process), (30, break_off)])
def test_a_killed_run_resumes_to_the_same_figures(
    finished: Path, tmp_path: Path, lines: int, kill: Callable[[Path, int], None]
) -> None:
    place = tmp_path / "run"
    kill(place, lines)
    assert not (place / "results.json").exists()
    torn = [path for path in place.rglob("*.jsonl") if not path.read_text().endswith("\n")]
    assert len(torn) == 1
    before = {path: path.read_bytes() for path in place.rglob("items/*.jsonl") if path not in torn}
    run(place, KILLED)
    uninterrupted = results(finished)
    assert without_time(results(place)) == without_time({name: uninterrupted[name] for name in KILLED.pipelines})
    assert all(path.read_bytes().startswith(lines) for path, lines in before.items())  # nothing was asked again


def test_a_clue_that_fails_costs_its_questions_and_the_next_run_makes_it(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(opened: Any, question: Question, kind: Any, options: Any) -> Clues:
        if (question.id, kind) == ("a1", "spans"):
            raise ModelError("the server is down")
        return recollect(opened, question, kind, options)

    plan = replace(PLAN, pipelines=("dense", "memorag", "memorag-spans"))
    with monkeypatch.context() as patch:
        patch.setattr(runner, "recollect", failing)
        run(tmp_path, plan)
    errors = {
        name: {it["question"]: it["error"] for it in items(tmp_path, name) if it["error"]} for name in plan.pipelines
    }
    assert errors == {"dense": {}, "memorag": {"a1": "the server is down"}, "memorag-spans": {}}
    run(tmp_path, plan)
    uninterrupted = results(finished)["memorag"]
    assert without_time({"memorag": results(tmp_path)["memorag"]}) == without_time({"memorag": uninterrupted})


def test_results_have_every_pipeline_with_means_and_intervals(finished: Path) -> None:
    found = results(finished)
    assert list(found) == list(PIPELINES)
    assert set(METRICS) - {"cost"} <= {metric for metrics in found.values() for metric in metrics}
    for name, metrics in found.items():
        for metric, it in metrics.items():
            assert it["n"] <= 6
            assert it["low"] is None or it["low"] <= it["mean"] <= it["high"]
            assert ("difference" in it) == (name != "dense" and metric in found["dense"])
    assert "evidence_recall" not in found["closed_book"]
    assert found["memorag"]["evidence_recall"]["n"] == 2
    assert found["memorag"]["refused_unanswerable"]["n"] == 2
    assert found["memorag"]["refused_answerable"]["n"] == 4
    assert {path.name for path in (finished / "plots").iterdir()} >= {
        "recall_by_budget.png",
        "answer_f1_by_latency.png",
    }


def test_all_pipelines_keep_to_the_budget(finished: Path) -> None:
    documents = data_set().documents
    for name in set(PIPELINES) - {"closed_book", "full_context"}:
        for item in items(finished, name):
            text = documents[item["document"]].text
            for budget, spans in {"192": item["passages"], **item["at"]}.items():
                assert sum(count_tokens(text[start:end]) for start, end in spans) <= int(budget)
    assert all(item["passages"] is None for item in items(finished, "closed_book"))


def test_clues_are_made_once_and_are_those_of_the_graph(finished: Path, registry: Registry) -> None:
    made = [json.loads(line) for line in (finished / "clues.jsonl").read_text().splitlines()]
    assert len({(it["question"], it["kind"]) for it in made}) == len(made) == 10  # 4 questions x 2 kinds, 2 outlines
    asked = data_set().questions[0]
    options = OPTIONS.model_copy(update={"index": "faiss"})
    graph = build_graph(registry)
    given: Any = {"documents": [_langchain("a")], "query": asked.query}
    with short_clues():
        answered = graph.invoke(given, context=options)
    clues = {it["kind"]: it["texts"][it["kind"]] for it in made if it["question"] == "a1"}
    assert clues == {"spans": answered["spans"], "surrogates": answered["surrogates"]}
    used = {name: next(it["clues"] for it in items(finished, name) if it["question"] == "a1") for name in PIPELINES}
    assert used["memorag"] == clues
    assert used["memorag-spans"] == {"surrogates": clues["surrogates"]}
    assert used["dense"] == {}


def _langchain(name: str) -> Any:
    from langchain_core.documents import Document

    return Document(data_set().documents[name].text, metadata={"source": name})


def test_more_pipelines_metrics_and_questions_can_be_added(finished: Path, tmp_path: Path) -> None:
    plan = replace(PLAN, pipelines=("dense",), limit=2, metrics=("evidence_recall",))
    first = run(tmp_path, plan)
    assert set(first["dense"]) == {"evidence_recall", *(f"evidence_recall@{budget}" for budget in (64, 96, 384))}
    kept = (tmp_path / "items" / "dense.jsonl").read_bytes()
    second = run(tmp_path, replace(PLAN, pipelines=("bm25", "dense"), baseline="bm25"))
    assert (tmp_path / "items" / "dense.jsonl").read_bytes().startswith(kept)
    assert second["dense"]["failed"]["n"] == 6
    assert second["dense"]["evidence_recall"]["difference"]["baseline"] == "bm25"
    own = {metric: it["mean"] for metric, it in second["dense"].items() if metric not in MEASURED_TIME}
    assert own == {metric: results(finished)["dense"][metric]["mean"] for metric in own}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"options": OPTIONS.model_copy(update={"max_new_tokens": 20})}, r"options\.max_new_tokens \(16 there, 20 now"),
        ({"answers": False}, r"answers \(True there, False now\)"),
        ({"prices": Prices(1.0, 2.0)}, r"prices \(\[\] there, \[1\.0, 2\.0\] now\)"),
    ],
)
def test_another_config_is_refused_by_name(tmp_path: Path, change: dict[str, Any], named: str) -> None:
    plan = replace(PLAN, pipelines=("dense",), limit=1)
    run(tmp_path, plan)
    with pytest.raises(InputError, match=rf"out: .* holds an evaluation with another {named}"):
        run(tmp_path, replace(plan, **change))
    (tmp_path / "notes.txt").write_text("mine")
    run(tmp_path, replace(plan, **change), fresh=True)
    assert (tmp_path / "notes.txt").exists()


def test_files_of_other_origin_are_left_unchanged(tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text("mine")
    for fresh in (False, True):
        with pytest.raises(InputError, match=r"holds files but no config\.json"):
            run(tmp_path, replace(PLAN, pipelines=("dense",)), fresh=fresh)
    assert (tmp_path / "results.json").read_text() == "mine"


def test_a_damaged_line_is_named(finished: Path, tmp_path: Path) -> None:
    shutil.copytree(finished, tmp_path / "run")
    path = tmp_path / "run" / "items" / "dense.jsonl"
    path.write_text("{broken\n" + path.read_text())
    with pytest.raises(InputError, match=r"dense\.jsonl, line 1 is damaged"):
        run(tmp_path / "run")


def test_a_journal_drops_a_torn_line_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    journal = JournalFile(path)
    for number in range(3):
        journal.append({"number": number, "text": "é\u2028"})
    whole = path.read_bytes()
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        lines = JournalFile(path).lines
        assert [line["number"] for line in lines] == list(range(whole[:cut].count(b"\n")))
        assert whole.startswith(path.read_bytes())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pipelines": ("dense", "sparse")}, "pipelines: 'sparse' is unknown; choose from closed_book, .*memorag"),
        ({"pipelines": ("dense", "dense")}, "pipelines: dense occurs twice"),
        ({"pipelines": ()}, "pipelines: name at least one of"),
        (
            {"pipelines": ("memorag-wings",)},
            "'wings' is not a part; choose from bm25, dense, draft, outline, share, spans, surrogates",
        ),
        (
            {"pipelines": ("memorag-draft",)},
            "draft is not a part of it; it has bm25, dense, outline, share, spans, surrogates",
        ),
        ({"pipelines": ("memorag+spans",)}, "spans is already a part of it"),
        ({"pipelines": ("hybrid-spans",)}, "'spans' is not a part; choose from bm25, dense, share"),
        ({"pipelines": ("hybrid-dense-bm25",)}, "'hybrid-dense-bm25' has nothing to search with"),
        ({"metrics": ("bleu",)}, "metrics: 'bleu' is unknown; choose from evidence_recall"),
        ({"baseline": "bm25", "pipelines": ("dense",)}, "baseline: 'bm25' is not among the pipelines dense"),
        ({"limit": -1}, "limit: must be a number of questions"),
        (
            {"options": OPTIONS.model_copy(update={"evidence_tokens": 32})},
            "budget: 32 tokens are fewer than a chunk of 64",
        ),
    ],
)
def test_invalid_plans_are_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        run(tmp_path, replace(PLAN, **change))
    assert not (tmp_path / "config.json").exists()


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("memorag", {"spans", "surrogates", "outline", "dense", "bm25", "share"}),
        ("memorag-spans-surrogates", {"outline", "dense", "bm25", "share"}),
        ("memorag+draft-outline-bm25", {"spans", "surrogates", "draft", "dense", "share"}),
        ("hybrid-dense", {"bm25", "share"}),
    ],
)
def test_variants_of_memorag_have_their_parts(tmp_path: Path, name: str, parts: set[str]) -> None:
    (pipeline,) = choose_pipelines([name], Workbench(Registry(), OPTIONS, tmp_path))
    assert isinstance(pipeline, Memorag)
    assert pipeline.parts == parts
    assert pipeline.recalls == parts & {"spans", "surrogates", "draft", "outline"}
    assert pipeline.uses_memory_model == (name != "hybrid-dense")


def chats(tmp_path: Path, *replies: str | Exception) -> Results:
    """Evaluate one pipeline whose generator gives fixed replies."""
    registry = Registry()
    registry.add_embeddings("hash", HashEmbeddings())
    registry.add_chat_model("said", _Says(messages=iter(()), says=list(replies)))
    options = OPTIONS.model_copy(update={"generator": "said"})
    return run(tmp_path, replace(PLAN, pipelines=("dense",), options=options, limit=len(replies)), registry)


class _Says(GenericFakeChatModel):
    says: list[Any]

    def _generate(self, *args: Any, **kwargs: Any) -> Any:
        reply = self.says.pop(0)
        if isinstance(reply, Exception):
            raise reply
        self.messages = iter([AIMessage(reply)])
        return super()._generate(*args, **kwargs)


GERMAN = "Die Fähre hatte in jenem Jahr viele tausend Menschen und Lastwagen an Bord [1]."


@pytest.mark.parametrize(
    ("reply", "fault", "left_out"),
    [
        ("Many people were carried [99].", "cites_missing", "citation_hit"),
        ("Many people were carried.", "cites_nothing", "citation_precision"),
        (GERMAN, "wrong_language", "answer_f1"),
        (ModelError("the key was refused"), "failed", "evidence_recall"),
    ],
)
def test_a_generators_faults_are_found_named_and_counted(
    tmp_path: Path, reply: str | Exception, fault: str, left_out: str
) -> None:
    found = chats(tmp_path, reply)["dense"]
    assert found[fault] == {"mean": 1.0, "low": None, "high": None, "n": 1}
    faults = [name for name, (group, _) in METRICS.items() if group == "faults"]
    assert sum(found[name]["mean"] for name in faults if name in found) == 1
    assert found[left_out]["mean"] == 0 if fault == "cites_missing" else left_out not in found
    report = (tmp_path / "report.md").read_text()
    assert f"- dense, {fault}: 1" in report
    assert "the key was refused" in report or fault != "failed"


def test_questions_that_failed_are_asked_again(tmp_path: Path) -> None:
    assert chats(tmp_path, ModelError("not now"))["dense"]["failed"]["mean"] == 1
    assert chats(tmp_path, "Kemp [1].")["dense"]["failed"]["mean"] == 0
    assert len(items(tmp_path, "dense")) == 1


def test_a_missing_model_stops_the_run_at_once(tmp_path: Path) -> None:
    options = OPTIONS.model_copy(update={"generator": str(tmp_path / "none")})
    with pytest.raises(ModelError, match="none"):
        run(tmp_path / "run", replace(PLAN, pipelines=("dense",), options=options))
    assert not (tmp_path / "run" / "items").exists()


def test_tokens_are_counted_and_paid_for(tmp_path: Path) -> None:
    plan = replace(PLAN, pipelines=("dense", "hyde", "memorag"), limit=1, answers=False, prices=Prices(1e6, 2e6))
    found = run(tmp_path, plan)
    assert found["dense"]["tokens_read"]["mean"] == found["dense"]["cost"]["mean"] == 0
    clues = [json.loads(line) for line in (tmp_path / "clues.jsonl").read_text().splitlines()]
    assert found["memorag"]["tokens_read"]["mean"] == sum(it["tokens_read"] for it in clues) > 0
    assert found["memorag"]["tokens_written"]["mean"] == sum(it["tokens_written"] for it in clues) > 0
    for metrics in (found["hyde"], found["memorag"]):
        read, written = metrics["tokens_read"]["mean"], metrics["tokens_written"]["mean"]
        assert metrics["cost"]["mean"] == read + 2 * written
    assert found["memorag"]["seconds_clues"]["mean"] == max(it["seconds"] for it in clues)


@pytest.fixture
def bench(tmp_path: Path) -> Workbench:
    registry = Registry()
    registry.add_embeddings("hash", HashEmbeddings())
    return Workbench(registry, OPTIONS, tmp_path / "indexes")


def test_multi_query_is_langchains_union_held_to_the_budget(bench: Workbench) -> None:
    asked = data_set()
    prepared = bench.prepare(asked.documents["a"])
    case = Case(asked.questions[0], prepared)
    versions = ["Which captain was proud?", "How many lorries came?", "Where is the harbour of Inshay?"]
    (pipeline,) = choose_pipelines(["multi_query"], bench)
    for most in (1, 2, 3, 5, 8):
        found = pipeline.search(case, Clues({"version": tuple(versions)}), most * 64)
        assert found is not None
        assert len(found) == most
        unions = [_langchains_union(prepared, versions, hits) for hits in range(1, most + 1)]
        for union in unions:  # what fits whole is there whole, and what is there is of the smallest union that does not
            assert union <= set(found) or set(found) <= union or len(union) > most
        assert set(found) <= unions[-1]


def _langchains_union(prepared: Any, versions: list[str], hits: int) -> set[tuple[int, int]]:
    retriever = MultiQueryRetriever(
        retriever=expanded._ChunkRetriever(prepared=prepared, hits=hits),
        llm_chain=_lines(versions),
        verbose=False,
    )
    return {(it.metadata["start"], it.metadata["end"]) for it in retriever.invoke("?")}


def _lines(versions: list[str]) -> Any:
    from langchain_core.runnables import RunnableLambda

    return RunnableLambda(lambda _: list(versions))


def test_hyde_without_a_passage_is_dense(bench: Workbench) -> None:
    asked = data_set()
    case = Case(asked.questions[0], bench.prepare(asked.documents["a"]))
    dense, hyde = choose_pipelines(["dense", "hyde"], bench)
    assert hyde.search(case, Clues({"passage": ("",)}), 192) == dense.search(case, Clues(), 192)
    assert hyde.search(case, Clues({"passage": ("Captain Quill was proud of Tarvay.",)}), 192) != dense.search(
        case, Clues(), 192
    )


def test_dense_is_brute_force(bench: Workbench) -> None:
    asked = data_set()
    prepared = bench.prepare(asked.documents["b"])
    (dense,) = choose_pipelines(["dense"], bench)
    embeddings = HashEmbeddings()
    for question in asked.questions[3:]:
        query = embeddings.embed_query(question.query)

        def cosine(text: str, query: list[float] = query) -> float:
            vector = embeddings.embed_query(text)
            norms = sum(x * x for x in vector) ** 0.5 * sum(x * x for x in query) ** 0.5
            return sum(x * y for x, y in zip(vector, query, strict=True)) / norms

        best = sorted(prepared.chunks, key=lambda chunk: -cosine(chunk.text))[:3]
        assert dense.search(Case(question, prepared), Clues(), 192) == [(chunk.start, chunk.end) for chunk in best]


def test_equal_chunks_come_in_document_order_from_dense_and_as_bm25s_has_them(bench: Workbench) -> None:
    repeated = "The ferry left at noon with many people aboard. " * 9
    prepared = bench.prepare(Document("again", f"{repeated}\n\n" * 12))
    assert len({chunk.text for chunk in prepared.chunks}) < len(prepared.chunks) // 2
    question = replace(data_set().questions[0], document_id="again", query="When did the ferry leave?")
    dense, bm25 = choose_pipelines(["dense", "bm25"], bench)
    cosines = [hit.score for hit in sorted(_hits(prepared, question.query), key=lambda hit: hit.chunk)]
    best = sorted(range(len(prepared.chunks)), key=lambda number: -cosines[number])
    tokens = bm25s.tokenize([it.text for it in prepared.chunks], stopwords="en", stemmer=STEMMER, show_progress=False)
    library = bm25s.BM25()
    library.index(tokens, show_progress=False)
    asked = bm25s.tokenize([question.query], stopwords="en", stemmer=STEMMER, show_progress=False)
    for most in (1, 3, 5):
        found = library.retrieve(asked, k=most, backend_selection="numpy", show_progress=False).documents[0]
        for pipeline, expected in ((dense, best[:most]), (bm25, found)):
            spans = [(prepared.chunks[number].start, prepared.chunks[number].end) for number in expected]
            assert pipeline.search(Case(question, prepared), Clues(), most * 64) == spans


def _hits(prepared: Any, query: str) -> list[Any]:
    hits: list[Any] = prepared.index.search([query], len(prepared.chunks))[0]
    return hits


ASKED = ("Who was proud at Averil?", "lorries in 1998", "Captain Quill harbour", "people ferry the of at in")


def test_retrieval_is_the_graphs_whole_and_without_parts(bench: Workbench, registry: Registry) -> None:
    prepared = bench.prepare(data_set().documents["a"])
    opened = registry.memorize([data_set().documents["a"]], OPTIONS)
    whole = {"hybrid": (True, True), "hybrid-dense": (False, True), "hybrid-bm25": (True, False)}
    found: dict[str, list[Any]] = {}
    for pipeline in choose_pipelines(list(whole), bench):
        by_meaning, by_words = whole[pipeline.name]
        vectors = prepared.index if by_meaning else NoIndex(prepared.chunks)
        index = MemoryIndex(vectors, prepared.keywords if by_words else None)
        for query in ASKED:
            question = replace(data_set().questions[0], query=query)
            spans = pipeline.search(Case(question, prepared), Clues(), 192)
            assert sorted(spans or []) == _graphs(opened, index, query)
            found.setdefault(pipeline.name, []).append(spans)
    assert found["hybrid"] != found["hybrid-dense"] != found["hybrid-bm25"] != found["hybrid"]


def _graphs(opened: Any, index: MemoryIndex, query: str) -> list[tuple[int, int]]:
    """Return the evidence that the graph finds in an index."""
    counts = SimpleNamespace(language_model=SimpleNamespace(count=count_tokens, fingerprint="none", size=1))
    seen: Any = SimpleNamespace(index=index, memory=opened.memory, model=counts, page_maps=opened.page_maps)
    evidence = search(seen, OPTIONS, [Query("question", query)], None)
    return [(it.start, it.end) for it in evidence]


def test_no_pipeline_profits_from_what_another_embedded(tmp_path: Path) -> None:
    counted: list[str] = []

    class Counting(HashEmbeddings):
        def embed_query(self, text: str) -> list[float]:
            counted.append(text)
            return super().embed_query(text)

    registry = Registry()
    registry.add_embeddings("hash", CachedEmbeddings(Counting()))
    run(tmp_path, replace(PLAN, pipelines=("dense", "hybrid"), answers=False, limit=1), registry)
    assert counted.count(data_set().questions[0].query) == 2


@pytest.mark.parametrize("tokens", [2, 7, 50, 10_000])
def test_a_long_text_keeps_its_two_ends(tokens: int) -> None:
    def count(text: str) -> int:
        return len(text.split())

    spans = both_ends(TEXT, tokens, count)
    assert sum(count(TEXT[start:end]) for start, end in spans) <= tokens
    if tokens >= count(TEXT):
        assert spans == [(0, len(TEXT))]
    else:
        (first, end), (start, last) = spans
        assert (first, last) == (0, len(TEXT))
        assert count(TEXT[: end + 1]) > tokens // 2 or count(TEXT[:end]) == tokens // 2
        assert count(TEXT[start:]) == tokens // 2
