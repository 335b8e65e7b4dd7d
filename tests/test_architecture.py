"""Who may import what, and what an import may cost."""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "memorag_graph"

ALLOWED = {
    "langgraph": {
        "clue_cache.py",
        "graph.py",
        "library_nodes.py",
        "nodes.py",
        "node_report.py",
        "state.py",
        "context_options.py",
        "run_scope.py",
        "stoppable.py",
        "langchain",
        "serving",
    },
    "transformers": {"inference", "kv", "models", "beacon", "memory/eviction"},
    "torch": {"inference", "kv", "models", "beacon", "memory/eviction", "memory/storage/memory_files.py", "training"},
    "minference": {"models/acceleration.py"},
    "safetensors": {
        "memory/storage/memory_files.py",
        "models/adapter.py",
        "models/loading.py",
        "models/weights.py",
        "retrieval/keyword_index.py",
        "training/train.py",
    },
    "faiss": {"retrieval/dense_index.py"},
    "bm25s": {"retrieval/bm25.py"},
    "Stemmer": {"retrieval/terms.py"},
    "lancedb": {"library/lance_table.py"},
    "pyarrow": {"library/lance_rows.py", "library/lance_table.py"},
    "obstore": {"library/bucket.py"},
    "psycopg": {"library/postgres_server.py"},
    "ray": {"library/ray_pool.py", "library/ray_session.py"},
    "tenacity": {"library/postgres_server.py", "library/ray_session.py"},
    "sentencex": {"text/sentences.py"},
    "semantic_text_splitter": {"text/chunking.py", "evaluation/chunks.py"},
    "typer": {"cli"},
    "rich": {"cli", "console.py", "api/stats.py"},
    "pydantic_settings": {"configuration.py"},
    "openai": {"providers/redacting_chat.py", "providers/address_login.py"},
    "langchain_openai": {"providers/provider_models.py"},
    "langchain_deepseek": {"providers/provider_models.py"},
    "fastapi": {"serving"},
    "starlette": {"serving", "mcp_server", "ui"},
    "sse_starlette": {"serving"},
    "uvicorn": {"cli/serve.py", "cli/mcp_command.py"},
    "mcp": {"mcp_server"},
    "mcp_types": {"mcp_server"},
    "langserve": {"serving"},
    "prometheus_client": {"serving/metrics.py"},
    "jwt": {"serving/oidc.py", "serving/issuer_keys.py"},
    "streamlit": {"ui"},
    "opentelemetry": {"spans.py"},
    "pypdfium2": {"documents/pdf"},
    "pytesseract": {"documents/pdf/ocr.py"},
    "inscriptis": {"documents/html.py"},
    "lxml": {"documents"},
    "cssselect": {"documents/html.py", "documents/html_selectors.py"},
    "olefile": {"documents/outlook.py"},
    "scipy": {"evaluation/significance.py"},
    "matplotlib": {"evaluation/plots.py"},
    "rouge_score": {"evaluation/metrics/answer_metrics.py"},
    "langchain_classic": {"evaluation/pipelines/expanded.py"},
}

LAYERS = [
    ["control_groups"],
    ["errors", "progress", "paths", "private_files", "version", "locks", "processors", "ram", "spans", "unstreamed"],
    ["cancellation", "disk_errors", "option_errors"],
    ["settings", "service_settings", "library_records", "memory_worker", "kept_turns"],
    ["kept_conversations"],
    ["configuration", "call_options"],
    ["text"],
    ["documents"],
    ["prompts"],
    ["providers"],
    ["kv"],
    ["inference"],
    ["beacon"],
    ["models"],
    ["retrieval"],
    ["memory/__init__", "memory/room", "memory/section_note", "memory/prompt_layout", "memory/answer_end"],
    ["memory/kv_memory"],
    ["memory/storage"],
    ["memory/eviction"],
    ["memory/build"],
    ["memory/memory_model"],
    ["memory/backends", "memory/memory_chat"],
    ["beacon/memory_kind"],
    ["clues", "generation", "model_pool"],
    ["follow_ups"],
    ["state", "routing", "open_memory", "citation_annotations"],
    ["open_memories"],
    ["memory_plan", "serialization", "clue_trust", "check_input"],
    ["make_memory"],
    ["begun_memories"],
    ["find_evidence"],
    ["registry"],
    ["library"],
    ["context_options"],
    ["run_scope"],
    ["node_report", "answering", "querying", "stoppable", "clue_cache"],
    ["begin_turn"],
    ["library_run"],
    ["library_nodes"],
    ["nodes"],
    ["graph"],
    ["console"],
    ["langchain", "api"],
    ["__init__"],
    ["evaluation", "serving"],
    ["training", "mcp_server"],
    ["ui"],
    ["cli"],
    ["__main__"],
]
"""Every module of the package, bottom to top: a module imports only from its own layer's room or from lower layers."""


@cache
def imports(path: Path) -> set[str]:
    """Names of the modules that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


FILES = sorted(path for path in PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("library", ALLOWED)
def test_libraries_are_known_only_where_they_belong(library: str) -> None:
    users = {
        path.relative_to(PACKAGE).as_posix()
        for path in FILES
        if any(name.split(".")[0] == library for name in imports(path))
    }
    strangers = {user for user in users if not any(f"{user}/".startswith(f"{room}/") for room in ALLOWED[library])}
    assert not strangers, f"{library} is imported in {sorted(strangers)}"


def test_only_one_file_knows_the_dynamic_cache() -> None:
    users = [path.name for path in FILES if "transformers.cache_utils" in imports(path)]
    assert users == ["cache_views.py"]


def layer_of(module: str) -> int:
    """The layer of a module by its path in the package, such as ``"beacon/memory_kind"``; the longest entry counts."""
    entries = {entry: number for number, layer in enumerate(LAYERS) for entry in layer}
    parts = module.split("/")
    for length in range(len(parts), 0, -1):
        if (number := entries.get("/".join(parts[:length]))) is not None:
            return number
    raise AssertionError(f"{module} is in no layer")


def room_of(module: str) -> str:
    return next(entry for entry in LAYERS[layer_of(module)] if f"{module}/".startswith(f"{entry}/"))


def test_every_module_is_in_a_layer_and_every_entry_is_a_module() -> None:
    for path in FILES:
        layer_of(path.relative_to(PACKAGE).with_suffix("").as_posix())
    for entry in (entry for layer in LAYERS for entry in layer):
        assert (PACKAGE / entry).exists() or (PACKAGE / f"{entry}.py").exists(), entry


def test_nothing_imports_from_a_higher_layer() -> None:
    breaches = []
    for path in FILES:
        mine = path.relative_to(PACKAGE).with_suffix("").as_posix()
        for name in imports(path):
            if not name.startswith("memorag_graph"):
                continue
            theirs = name.replace(".", "/").removeprefix("memorag_graph").lstrip("/") or "__init__"
            if room_of(theirs) != room_of(mine) and layer_of(theirs) >= layer_of(mine):
                breaches.append(f"{mine} imports {name}")
    assert not breaches, "\n".join(sorted(breaches))


@pytest.mark.parametrize(
    "module", ["memorag_graph", "memorag_graph.providers.agent", "memorag_graph.graph", "memorag_graph.cli.main"]
)
def test_importing_loads_nothing_heavy(module: str) -> None:
    code = (
        f"import sys, {module}; "
        "heavy = ('torch', 'transformers', 'faiss', 'bm25s', 'sentence_transformers', 'openai', 'langchain_openai', "
        "'lancedb', 'pyarrow'); "
        "print([m for m in heavy if m in sys.modules])"
    )
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert finished.stdout.strip() == "[]"


def test_the_help_is_shown_without_the_libraries_of_the_commands() -> None:
    code = (
        "import sys; from typer.testing import CliRunner; from memorag_graph.cli.main import app; "
        "shown = CliRunner().invoke(app, ['--help']); assert 'memorize' in shown.output; "
        "print([m for m in ('torch', 'numpy', 'langchain_core', 'langgraph') if m in sys.modules])"
    )
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert finished.stdout.strip() == "[]"


def test_no_pickle_and_no_torch_load_anywhere() -> None:
    for path in FILES:
        assert not {"pickle", "dill", "joblib"} & imports(path), path
        assert "torch.load" not in path.read_text(encoding="utf-8"), path


def test_files_and_functions_are_small() -> None:
    for path in FILES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assert path.read_text(encoding="utf-8").count("\n") <= 300, path
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert (node.end_lineno or 0) - node.lineno < 60, f"{path}: {node.name}"
