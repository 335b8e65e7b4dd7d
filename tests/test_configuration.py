"""The options of a program's run: defaults, config file, environment and command line, in this order."""

import itertools
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
import typer.main

from memorag_graph.cli import main as cli
from memorag_graph.configuration import program_options
from memorag_graph.errors import InputError
from memorag_graph.settings import RunOptions, run_options

SAMPLES: dict[str, Any] = {
    "memories": 5,
    "memory": "background",
    "encoding": "cp1251",
    "model": "a",
    "memory_id": "b",
    "embedding_model": "c",
    "device": "cpu",
    "dtype": "float16",
    "fast_paths": "off",
    "load_in_4bit": True,
    "enable_flash_attn": False,
    "minference": True,
    "adapter": "mine.safetensors",
    "generator": "local",
    "hits": 7,
    "rounds": 3,
    "evidence_tokens": 99,
    "question_share": 0.25,
    "query_weights": {"span": 0.5},
    "reranker": "d",
    "use_memory_answer": True,
    "max_new_tokens": 11,
    "temperature": 0.5,
    "prompts": {"span": "Recall: {question}"},
    "file_check": "size",
    "copies_mb": 0.5,
    "length": "long",
    "kind": "full",
    "beacon_ratio": 8,
    "kv_storage": "int8",
    "kv_keep": 0.5,
    "gist_chunk_size": 100,
    "gist_tokens": 17,
    "gist_writer": "model",
    "retrieval_chunk_size": 33,
    "retrieval_chunk_overlap": 5,
    "index": "none",
}
"""A value other than the default for each field."""


@pytest.fixture(autouse=True)
def _working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in [it for it in os.environ if it.startswith("MEMORAG_GRAPH_") and it != "MEMORAG_GRAPH_HOME"]:
        monkeypatch.delenv(name)  # such as the switch of the fast paths, for which the whole suite is run


def toml(field: str, value: Any) -> str:
    if isinstance(value, dict):
        return f"[{field}]\n" + "".join(f"{key} = {json.dumps(entry)}\n" for key, entry in value.items())
    return f"{field} = {json.dumps(value)}\n"


def variable(field: str) -> str:
    return f"MEMORAG_GRAPH_{field.upper()}"


def text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def test_there_is_a_sample_of_each_field() -> None:
    defaults = RunOptions()
    assert SAMPLES.keys() == RunOptions.model_fields.keys()
    assert all(getattr(defaults, field) != value for field, value in SAMPLES.items())


@pytest.mark.parametrize("field", SAMPLES)
def test_a_field_is_read_from_the_file_and_from_the_environment(field: str, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = run_options({field: SAMPLES[field]})
    Path("memorag-graph.toml").write_text(toml(field, SAMPLES[field]))
    assert program_options({}) == expected
    Path("memorag-graph.toml").unlink()
    monkeypatch.setenv(variable(field), text(SAMPLES[field]))
    assert program_options({}) == expected
    assert type(program_options({})) is RunOptions
    assert RunOptions() != expected  # the library reads no environment


@pytest.mark.parametrize("given", list(itertools.product([False, True], repeat=3)))
def test_the_last_layer_that_has_a_value_wins(
    given: tuple[bool, bool, bool], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    in_file, in_environment, in_arguments = given
    if in_file:
        (tmp_path / "memorag-graph.toml").write_text("hits = 1")
    if in_environment:
        monkeypatch.setenv("MEMORAG_GRAPH_HITS", "2")
    arguments = {"hits": 3} if in_arguments else {}
    expected = 3 if in_arguments else 2 if in_environment else 1 if in_file else RunOptions().hits
    assert program_options(arguments).hits == expected


def test_tables_are_merged_key_by_key(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("memorag-graph.toml").write_text("[query_weights]\nspan = 1\ndraft = 1\noutline = 1\n")
    monkeypatch.setenv("MEMORAG_GRAPH_QUERY_WEIGHTS", '{"draft": 2, "outline": 2}')
    merged = program_options({"query_weights": {"outline": "3"}}).query_weights
    assert merged == {"span": 1, "draft": 2, "outline": 3}


def test_a_named_file_is_read_instead_of_the_one_in_the_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("memorag-graph.toml").write_text("hits = 5")
    Path("other.toml").write_text("gist_tokens = 20")
    monkeypatch.setenv("MEMORAG_GRAPH_CONFIG", "other.toml")
    assert program_options({}) == RunOptions(gist_tokens=20)


def test_an_empty_variable_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEMORAG_GRAPH_HITS", "")
    monkeypatch.setenv("MEMORAG_GRAPH_CONFIG", "")
    assert program_options({}) == RunOptions()


@pytest.mark.parametrize(
    ("content", "variables", "arguments", "message"),
    [
        ("hits = 0", {}, {}, "hits: input should be greater than or equal to 1, not 0 (in memorag-graph.toml)"),
        ("hitz = 9", {}, {}, "hitz: unknown key (in memorag-graph.toml)"),
        ("hits = ", {}, {}, "memorag-graph.toml: is not valid TOML (Invalid value"),
        ("[query_weights]\nhunch = 1", {}, {}, "(in memorag-graph.toml)"),
        ("hits = 9", {"HITS": "many"}, {}, "not 'many' (in MEMORAG_GRAPH_HITS)"),
        ("", {"DTYPE": "float64"}, {}, "dtype: input should be 'auto', 'float32'"),
        ("", {"DTYPE": "float64"}, {}, "(in MEMORAG_GRAPH_DTYPE)"),
        ("", {"HITZ": "9"}, {}, "MEMORAG_GRAPH_HITZ: is not a setting"),
        ("", {"PROMPTS": "span=x"}, {}, "prompts: is not a JSON object: Expecting value"),
        ("", {"PROMPTS": "[1]"}, {}, "prompts: input should be a valid dictionary (in MEMORAG_GRAPH_PROMPTS)"),
        ("", {"CONFIG": "missing.toml"}, {}, "MEMORAG_GRAPH_CONFIG: missing.toml is not a file"),
        ("prompts.sur = 'x'", {}, {"prompts": {"spam": "x"}}, "prompts.spam.[key]: input should be 'context'"),
        ("prompts.spam = 'x'", {}, {"prompts": {"sur": "x"}}, "(in memorag-graph.toml)"),
        ("hits = 0", {"HITS": "9"}, {"retrieval_chunk_overlap": 128}, "retrieval_chunk_overlap: must be less than"),
    ],
)
def test_an_error_names_the_field_and_where_its_value_stands(
    content: str, variables: dict[str, str], arguments: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("memorag-graph.toml").write_text(content)
    for name, value in variables.items():
        monkeypatch.setenv(f"MEMORAG_GRAPH_{name}", value)
    with pytest.raises(InputError) as refused:
        program_options(arguments)
    assert message in str(refused.value)
    assert not arguments or "(in " in message or "(in " not in str(refused.value)


def test_a_file_that_is_no_text_is_refused() -> None:
    Path("memorag-graph.toml").write_bytes(b'model = "\xff"')
    with pytest.raises(InputError, match=r"memorag-graph\.toml: cannot be read"):
        program_options({})


COMMANDS: dict[str, Any] = typer.main.get_command(cli.app).commands  # type: ignore[attr-defined]
OFFERED = [
    (name, parameter.name, parameter.opts[0])
    for name, command in COMMANDS.items()
    for parameter in command.params
    if parameter.name in RunOptions.model_fields
]


def arguments_of(field: str, flag: str) -> list[str]:
    value = SAMPLES[field]
    if isinstance(value, bool):
        return [flag]
    pairs = [f"{key}={entry}" for key, entry in value.items()] if isinstance(value, dict) else [str(value)]
    return [argument for pair in pairs for argument in (flag, pair)]


@pytest.mark.parametrize(("name", "field", "flag"), OFFERED)
def test_a_flag_sets_its_field_and_no_other(name: str, field: str, flag: str, monkeypatch: pytest.MonkeyPatch) -> None:
    received: list[RunOptions] = []
    positional = [each.name for each in COMMANDS[name].params if each.param_type_name == "argument" and each.required]
    required = ["--out", "x"] if name in ("eval", "tune", "train") else []
    monkeypatch.setattr(
        "memorag_graph.cli.options.program_options", lambda arguments: received.append(run_options(arguments)) or 1 / 0
    )
    monkeypatch.setattr(sys, "argv", ["memorag-graph", name, *positional, *required, *arguments_of(field, flag)])
    with pytest.raises(ZeroDivisionError):  # stops the command once its options are known
        cli.main()
    assert received == [run_options({field: SAMPLES[field]})]


def test_flags_of_models_are_offered_together() -> None:
    offered = {name: {field for command, field, _ in OFFERED if command == name} for name, _, _ in OFFERED}
    assert {name for name, fields in offered.items() if "device" in fields} == {
        *(name for name, fields in offered.items() if "fast_paths" in fields),
        "train",  # which uses none
    }
    asking = {"ask", "summarize", "chat", "serve", "mcp", "ui", "eval", "tune"}
    assert set(offered) == asking | {"train"} | {"memorize", "remember", "append", "replace", "remove"}


def test_the_help_shows_types_bounds_keys_and_the_defaults_that_hold(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("memorag-graph.toml").write_text('temperature = 0.3\nprompts.span = "x {question}"')
    monkeypatch.setenv("MEMORAG_GRAPH_HITS", "7")
    monkeypatch.setattr(sys, "argv", ["memorag-graph", "ask", "--help"])
    with pytest.raises(SystemExit):
        cli.main()
    shown = " ".join(capsys.readouterr().out.split())
    assert "BM25. 1 to 1,000. [default: 7]" in shown
    assert "[default: 0.3]" in shown
    assert "--dtype auto|float32|bfloat16|float16" in shown
    assert "Keys: question, span, surrogate, draft, outline, missing." in shown
    assert "32 to 1,000,000." in shown
    for field in (field for command, field, _ in OFFERED if command == "ask"):
        assert str(RunOptions.model_fields[field].description).split(".")[0] in shown
