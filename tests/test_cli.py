"""The command line: output, exit codes, messages."""

import importlib.util
import io
import json
import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from memorag_graph.cli import main as cli
from memorag_graph.cli import run_graph
from memorag_graph.memory.storage.manifest import read_info
from memorag_graph.prompts import Prompts
from memorag_graph.registry import Registry
from memorag_graph.version import __version__
from tests.conftest import TEXT
from tests.conftest import TINY as SMALL
from tests.servers import ROOT, free_port, serving

QUESTION = "Who was proud of the harbour at Thorle?"
TINY = ["--model", "tiny-llama", "--embedding-model", "hash"]


class Result:
    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, " ".join(err.split())


@pytest.fixture
def call(registry: Registry, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Run a command in this process, with the tiny models."""
    monkeypatch.setattr(run_graph, "Registry", lambda: registry)

    def run_command(*arguments: str) -> Result:
        monkeypatch.setattr(sys, "argv", ["memorag-graph", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        captured = capsys.readouterr()
        code = ended.value.code
        return Result(code if isinstance(code, int) else 0, captured.out, captured.err)

    return run_command


@pytest.fixture
def document(tmp_path: Path) -> str:
    path = tmp_path / "letters.txt"
    path.write_text(TEXT)
    return str(path)


@pytest.fixture
def saved(call: Any, document: str, tmp_path: Path) -> str:
    place = str(tmp_path / "memory")
    result = call("memorize", document, "--save-dir", place, "--gist-chunk-size", "512", "--chunk-size", "128", *TINY)
    assert result.code == 0, result.err
    return place


def test_memorize_prints_the_stats_of_the_brief(call: Any, document: str, tmp_path: Path) -> None:
    result = call("memorize", document, "--save-dir", str(tmp_path / "memory"), *TINY)
    assert result.code == 0
    for line in (r"Detected language: English \(en\)", r"Context length: [\d,]+ tokens", r"Memory: [\d,]+ tokens, .+",
                 r"Chunks in the retrieval corpus: \d+"):  # fmt: skip
        assert re.search(line, result.out)


@pytest.mark.parametrize("task", ["qa", "memorag", "summarize", "lookup"])
def test_json_has_answer_citations_clues_timings_and_tokens(call: Any, saved: str, task: str) -> None:
    result = call("ask", saved, QUESTION, "--task", task, "--generator", "extractive", "--json")
    assert result.code == 0, result.err
    given = json.loads(result.out)
    assert given["task_type"] == task
    assert given["answer"]
    assert given["citations"]
    for citation in given["citations"]:
        assert TEXT[citation["start"] : citation["end"]] == citation["quote"]
        assert citation["source"].endswith("letters.txt")
    assert set(given["clues"]) == {"spans", "surrogates", "draft", "outline", "verified"}
    assert set(given["tokens"]) <= {"memorize", *given["timings"]}
    assert given["memory"]["chunks"] > 10


def test_text_output_shows_answer_citations_clues_and_times(call: Any, saved: str) -> None:
    result = call("ask", saved, QUESTION, "--generator", "extractive", "--show-clues", "--use-memory-answer")
    assert result.code == 0
    assert re.search(r"\[\d+\] .*letters\.txt:\d+–\d+", result.out)
    assert "Clues (recalled from memory, unverified)" in result.out
    assert "Draft: " in result.out
    assert "Task: memorag (" in result.out
    assert re.search(r"Dropped: .+ \(.+\)", result.out)
    assert "Time: open" in result.out


def test_auto_says_what_it_chose_and_why(call: Any, saved: str) -> None:
    result = call("ask", saved, QUESTION, "--task", "auto", "--generator", "extractive", "--json")
    given = json.loads(result.out)
    assert given["trace"][0]["what"] == "route"
    assert given["task_type"] == given["trace"][0]["text"] == "lookup"
    assert given["clues"]["spans"] == []


def test_weights_of_queries_reach_the_search(call: Any, saved: str) -> None:
    def places(*weights: str) -> list[int]:
        options = [part for weight in weights for part in ("--query-weight", weight)]
        asked = ("ask", saved, QUESTION, "--generator", "extractive", "--question-share", "0", "--hits", "3", *options)
        result = call(*asked, "--evidence-tokens", "256", "--json")
        return [it["start"] for it in json.loads(result.out)["evidence"]]

    silent = [f"{kind}=0" for kind in ("span", "surrogate", "draft")]
    alone = json.loads(
        call("ask", saved, QUESTION, "--task", "lookup", "--generator", "extractive", "--hits", "3",
             "--evidence-tokens", "256", "--json").out
    )  # fmt: skip
    assert places(*silent) == [it["start"] for it in alone["evidence"]]
    assert places("question=0", "span=100") != places(*silent)


def test_an_answer_from_memory_is_streamed_and_marked(call: Any, saved: str) -> None:
    result = call("ask", saved, QUESTION, "--task", "qa", "--max-new-tokens", "12")
    assert result.code == 0
    assert result.out.startswith("(recalled from memory, unverified)")


def test_summarize_needs_no_question(call: Any, saved: str) -> None:
    assert "Citations" in call("summarize", saved, "--generator", "extractive").out


def test_list_and_info_describe_what_was_saved(call: Any, saved: str) -> None:
    listed = json.loads(call("list", str(Path(saved).parent), "--json").out)
    assert [info["place"] for info in listed] == [saved]
    info = json.loads(call("info", saved, "--json").out)
    assert info["identity"]["model"] == "tiny-llama"
    assert "memory.bin" in call("info", saved).out
    assert "No memories" in call("list", str(Path(saved).parent / "nowhere")).out


def test_progress_is_written_as_lines_beside_the_json(call: Any, document: str) -> None:
    made = call("memorize", document, "--json", *TINY)
    assert set(json.loads(made.out)) == {"memory_id", "memory"}
    for title in ("Summarizing sections: ", "Prefilling the memory: ", "Indexing chunks: "):
        assert title in made.err


def test_the_demo_shows_progress_when_its_output_is_piped(
    registry: Registry,
    document: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    demo = runpy.run_path(str(ROOT / "examples" / "demo.py"))
    monkeypatch.setitem(demo["main"].__globals__, "Registry", lambda: registry)
    monkeypatch.setitem(demo["main"].__globals__, "OPTIONS", SMALL)
    monkeypatch.setattr(sys, "argv", ["demo.py", "--document", document, "--save-dir", str(tmp_path / "demo")])
    demo["main"]()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Loading the models (the first run converts the embedded model, about half a minute)"
    places = [next(i for i, line in enumerate(lines) if line.startswith(title)) for title in (
        "Summarizing sections: 0 of ", "Prefilling the memory: ", "Indexing chunks: ", "Memory: ",
        "Answering 3 questions",
    )]  # fmt: skip
    assert places == sorted(places)
    assert (tmp_path / "demo" / "manifest.json").exists()


def test_studio_writes_a_configuration_once(call: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "Start LangGraph Studio with: langgraph dev\n" in call("studio").out
    written = json.loads((tmp_path / "langgraph.json").read_text())
    own = json.loads((ROOT / "langgraph.json").read_text())
    assert written.pop("dependencies") == ["memorag-graph[embedded,studio]"]
    assert written == {key: value for key, value in own.items() if key != "dependencies"}
    assert call("studio").code == 0  # the same file
    assert "langgraph dev --config new/langgraph.json" in call("studio", "new").out
    other = tmp_path / "new" / "langgraph.json"
    other.write_text("{}")
    refused = call("studio", "new")
    assert refused.code == 2
    assert "new/langgraph.json exists and differs; remove it" in refused.err
    assert other.read_text() == "{}"
    (tmp_path / "file").write_text("")
    assert "cannot be written" in call("studio", "file").err


@pytest.mark.parametrize("package", ["langgraph_cli", "langgraph_api", "mcp"])
def test_studio_without_its_extra_names_the_command_that_installs_it(
    call: Any, package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setattr("memorag_graph.cli.studio.find_spec", lambda name: None if name == package else find_spec(name))
    refused = call("studio", str(tmp_path))
    assert refused.code == 2
    assert "pip install 'memorag-graph[studio]'" in refused.err
    assert not (tmp_path / "langgraph.json").exists()


@pytest.mark.skipif(importlib.util.find_spec("langgraph_api") is None, reason="needs the extra studio")
def test_langgraph_dev_starts_with_the_file_that_studio_writes(call: Any, tmp_path: Path) -> None:
    assert call("studio", str(tmp_path)).code == 0
    port = free_port()
    command = ["langgraph", "dev", "--no-browser", "--no-reload", "--port", str(port)]
    environment = {"LANGGRAPH_CLI_NO_ANALYTICS": "1", "MEMORAG_GRAPH_HOME": str(tmp_path / "home")}
    with serving(command, "/ok", tmp_path, environment, port) as url:
        (assistant,) = httpx.post(f"{url}/assistants/search", json={}).json()
        assert assistant["graph_id"] == "memorag"
        assert httpx.get(f"{url}/health").json()["status"] == "ok"


def test_models_lists_the_embedded_pair(call: Any) -> None:
    assert "embedded" in call("models").out


def test_a_memory_without_a_directory_is_kept_by_its_id(call: Any, document: str, home: Path) -> None:
    made = json.loads(call("memorize", document, "--json", *TINY).out)
    assert (home / "memories" / made["memory_id"] / "manifest.json").exists()
    assert call("info", made["memory_id"]).code == 0
    assert call("ask", made["memory_id"], QUESTION, "--generator", "extractive", *TINY).code == 0


def test_prompts_are_overridden_from_text_and_file(
    call: Any, saved: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    fill = Prompts.fill
    monkeypatch.setattr(
        Prompts, "fill", lambda self, key, **values: asked.append(text := fill(self, key, **values)) or text
    )
    (tmp_path / "span.txt").write_text("\ufeffRecall: {question}", encoding="utf-8")
    arguments = ("--prompt", f"span=@{tmp_path / 'span.txt'}", "--prompt", "sur=Ask: {question}")
    assert call("ask", saved, QUESTION, "--generator", "extractive", *arguments).code == 0
    assert {f"Recall: {QUESTION}", f"Ask: {QUESTION}"} <= set(asked)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["ask", "SAVED", " "], "query: a question is needed"),
        (["ask", "SAVED", "Why?", "--query-weight", "span"], "'span' is not of the form KIND=NUMBER"),
        (["ask", "SAVED", "Why?", "--query-weight", "hunch=1"], "query_weights.hunch"),
        (["ask", "SAVED", "Why?", "--query-weight", "span=-1"], "query_weights.span: "),
        (["ask", "SAVED", "Why?", "--task", "translate"], "task_type: 'translate' is unknown; choose from qa"),
        (["ask", "SAVED", "Why?", "--temperature", "2.5"], "temperature: input should be less than or equal to 2"),
        (["ask", "SAVED", "Why?", "--max-new-tokens", "9"], "max_new_tokens: input should be greater than or equal"),
        (["ask", "SAVED", "why " * 3000, "--task", "qa"], "shorten the question"),
        (["ask", "SAVED", "Why?", "--prompt", "span=none"], "prompts.span: the template must contain {question}"),
        (["ask", "SAVED", "Why?", "--prompt", "span"], "is not of the form KEY=TEXT"),
        (["ask", "SAVED", "Why?", "--prompt", "span=@missing"], "missing cannot be read"),
        (["ask", "SAVED", "Why?", "--model", "./missing"], "is not a directory"),
        (["ask", "SAVED", "Why?", "--dtype", "float64"], "dtype: input should be 'auto'"),
        (["ask", "missing", "Why?"], "missing does not exist; see memorag-graph list, or make one with"),
        (["info", "missing"], "does not exist"),
        (["ask", "DOCUMENT", "Why?"], "is a file, not a memory; make one with: memorag-graph memorize"),
        (["memorize", "missing.txt"], "file: missing.txt does not exist"),
        (["memorize", "DOCUMENT", "--gist-tokens", "3"], "gist_tokens: input should be greater than or equal to 16"),
    ],
)
def test_misuse_ends_with_a_message_and_code_2(
    call: Any, saved: str, document: str, arguments: list[str], message: str
) -> None:
    before = {path.name: path.read_bytes() for path in Path(saved).iterdir()}
    result = call(*[{"SAVED": saved, "DOCUMENT": document}.get(argument, argument) for argument in arguments])
    assert result.code == 2
    assert message in result.err
    assert "Traceback" not in result.err
    assert {path.name: path.read_bytes() for path in Path(saved).iterdir()} == before


@pytest.mark.parametrize(("name", "state"), [("index.bin", "damaged"), ("memory.bin", "missing")])
def test_a_half_written_memory_is_refused_by_name(
    call: Any, saved: str, registry: Registry, name: str, state: str
) -> None:
    path = Path(saved) / name
    registry.forget(read_info(Path(saved))["memory_id"])  # as a new process
    path.write_bytes(path.read_bytes()[:100]) if state == "damaged" else path.unlink()
    result = call("ask", saved, QUESTION)
    assert result.code == 2
    assert f"{name} is {state}" in result.err


@pytest.mark.parametrize(("arguments", "shown"), [((), "Usage: "), (("--version",), __version__)])
def test_the_module_runs(arguments: tuple[str, ...], shown: str) -> None:
    command = [sys.executable, "-m", "memorag_graph", *arguments]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "Traceback" not in finished.stderr
    assert shown in finished.stdout + finished.stderr


def test_a_memory_is_verified_file_by_file(call: Any, saved: str) -> None:
    assert call("verify", saved).code == 0
    for name in ("memory.bin", "index.bin", "notes.json"):
        path = Path(saved) / name
        data = path.read_bytes()
        path.write_bytes(data[:-3] + bytes([data[-3] ^ 1]) + data[-2:])
        result = call("verify", saved)
        assert result.code == 1
        assert f"{name} is damaged: its contents do not match its SHA-256" in result.err
        path.write_bytes(data)
    (Path(saved) / "memory.7.bin").write_bytes(b"stray")
    result = call("verify", saved)
    assert result.code == 1
    assert "memory.7.bin is not part of this memory" in result.err
    assert call("verify", "missing").code == 1


def test_info_shows_kind_documents_tokens_shards_bytes_and_identity(call: Any, saved: str) -> None:
    info = json.loads(call("info", saved, "--json").out)
    assert info["kind"] == "gist"
    assert info["tokens"] == info["documents"][0]["tokens"] > 0
    assert [shard["file"] for shard in info["shards"]] == ["memory.bin"]
    assert info["bytes"]["memory.bin"] == (Path(saved) / "memory.bin").stat().st_size
    assert info["identity"]["dtype"] == "float32"


def test_documents_are_appended_replaced_and_removed(call: Any, saved: str, document: str, tmp_path: Path) -> None:
    other = tmp_path / "other.txt"
    other.write_text(TEXT[:1200].replace("ferry", "train"))
    assert call("append", saved, str(other)).code == 0
    again = call("append", saved, str(other))
    assert again.code == 2
    assert "replace it instead" in again.err
    other.write_text(TEXT[:1100].replace("ferry", "tram"))
    changed = json.loads(call("replace", saved, str(other), "--json").out)
    assert changed["documents"] == [document, str(other)]
    asked = json.loads(call("ask", saved, "Who took the tram?", "--generator", "extractive", "--json").out)
    assert asked["memory_id"] == changed["memory_id"]
    assert any("tram" in citation["quote"] for citation in asked["citations"])
    removed = call("remove", saved, document)
    assert removed.code == 0
    assert document not in removed.out
    last = call("remove", saved, str(other))
    assert last.code == 2
    assert "delete the memory instead" in last.err
    assert call("verify", saved).code == 0


def test_memories_of_the_user_are_tidied_and_deleted(call: Any, document: str) -> None:
    made = json.loads(call("memorize", document, "--json", *TINY).out)
    assert call("gc").code == 0
    bad = call("gc", "--quota-mb", "0")
    assert bad.code == 2
    assert "must be a positive integer" in bad.err
    assert "in use" in call("delete", made["memory_id"]).err  # by this process
    assert call("delete", "missing").code == 2


def test_a_document_is_asked_before_its_memory_is_made(call, tmp_path: Path) -> None:
    (tmp_path / "ferry.txt").write_text(TEXT)
    place = str(tmp_path / "memory")
    begun = call("memorize", str(tmp_path / "ferry.txt"), "--save-dir", place, "--memory", "when_asked", *TINY)
    assert "Memory: not made yet" in begun.out
    assert "not made yet" in call("info", place).out
    early = json.loads(call("ask", place, QUESTION, "--task", "lookup", "--json").out)
    assert (early["memory_share"], read_info(Path(place))["shards"]) == (0, [])
    assert "is made" in call("remember", place).out
    assert read_info(Path(place))["shards"]
    (tmp_path / "ferry.txt").write_text(TEXT + " The end.")
    behind = call("memorize", str(tmp_path / "ferry.txt"), "--memory", "background", "--json", *TINY)
    assert "a later command goes on from there" in behind.err
    memory_id = json.loads(behind.out)["memory_id"]
    assert json.loads(call("ask", memory_id, QUESTION, "--json").out)["memory_share"] == 1


def test_a_memory_is_named_by_the_beginning_of_its_id_or_by_a_document(
    call, tmp_path: Path, registry: Registry
) -> None:
    (tmp_path / "ferry.txt").write_text(TEXT[:1500])
    (tmp_path / "rail.txt").write_text(TEXT[:1500].replace("ferry", "railway"))
    made = [
        json.loads(call("memorize", str(tmp_path / name), "--json", *TINY).out)["memory_id"]
        for name in ("ferry.txt", "rail.txt")
    ]
    for name in (made[0][:6], "ferry.txt", str(tmp_path / "ferry.txt"), made[0]):
        assert json.loads(call("info", name, "--json").out)["memory_id"] == made[0]
    listed = call("list").out
    assert [line.split("\t")[0] for line in listed.splitlines()] == list(reversed(made))
    assert [line.split("\t")[-1] for line in listed.splitlines()] == ["ready", "ready"]
    changed = json.loads(call("memorize", str(tmp_path / "rail.txt"), "--chunk-size", "64", "--json", *TINY).out)
    both = call("info", "rail.txt")
    assert both.code == 2
    assert made[1][:8] in both.err
    assert changed["memory_id"][:8] in both.err
    (tmp_path / "new.txt").write_text("Never memorized.")
    assert f"memorag-graph memorize {tmp_path / 'new.txt'}" in call("ask", str(tmp_path / "new.txt"), QUESTION).err
    registry.forget(made[0])
    assert call("delete", made[0][:8]).code == 0
    assert "does not exist" in call("info", made[0]).err


def test_directories_and_the_standard_input_are_memorized(
    call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "letters"
    (folder / "1990").mkdir(parents=True)
    (folder / "1990" / "ferry.txt").write_text(TEXT[:1500])
    (folder / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(40))
    (folder / ".hidden.txt").write_text("Hidden.")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(TEXT[1500:2500].encode())))
    made = call("memorize", str(folder), "-", "--json", *TINY)
    assert "left out" in made.err
    assert "PNG images are not supported" in made.err
    described = json.loads(call("info", json.loads(made.out)["memory_id"], "--json").out)
    assert [it["source"] for it in described["documents"]] == ["1990/ferry.txt", "stdin"]
    monkeypatch.setattr(sys, "stdin", io.StringIO(QUESTION))
    assert json.loads(call("ask", "1990/ferry.txt", "-", "--task", "lookup", "--json").out)["query"] == QUESTION
    (folder / "1990" / "ferry.txt").unlink()
    assert "holds no file that can be read" in call("memorize", str(folder), *TINY).err


def test_the_weak_model_is_told_once(call) -> None:
    assert "often wrong" in call("memorize", "missing.txt").err
    assert "often wrong" not in call("memorize", "missing.txt").err


def test_the_help_groups_options_and_gives_examples(call) -> None:
    shown = call("ask", "--help").out
    places = [
        shown.index(f"\n{group}:") for group in ("Arguments", "Options", "Models", "Search", "Answers", "Examples")
    ]
    assert places == sorted(places)
    assert "\n  memorag-graph ask report.pdf" in shown
