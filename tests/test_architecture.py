"""Who may import what, and what an import may cost."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "memorag_graph"

ALLOWED = {
    "langgraph": {"graph.py", "nodes.py", "state.py", "langchain", "serving/app.py"},
    "transformers": {"kv", "models", "cli/run.py"},
    "torch": {"kv", "models", "memory/files.py"},
    "minference": {"models/acceleration.py"},
    "safetensors": {"memory/files.py", "models/loading.py", "retrieval/keywords.py"},
    "faiss": {"retrieval/dense.py"},
    "bm25s": {"retrieval/bm25.py"},
    "Stemmer": {"retrieval/analysis.py"},
    "sentencex": {"sentences.py"},
    "semantic_text_splitter": {"chunking.py", "evaluation/chunks.py"},
    "typer": {"cli"},
    "rich": {"cli", "api/stats.py"},
    "openai": {"generation/guarded.py"},
    "langchain_openai": {"generation/sources.py"},
    "langchain_deepseek": {"generation/sources.py"},
    "fastapi": {"serving"},
    "starlette": {"serving"},
    "sse_starlette": {"serving"},
    "uvicorn": {"cli/serve.py"},
    "langserve": {"serving"},
    "streamlit": {"ui"},
    "pypdfium2": {"documents/pdf.py"},
    "inscriptis": {"documents/html.py"},
    "lxml": {"documents"},
    "scipy": {"evaluation/significance.py"},
    "matplotlib": {"evaluation/plots.py"},
    "rouge_score": {"evaluation/metrics/answers.py"},
    "langchain_classic": {"evaluation/pipelines/expanded.py"},
}

LAYERS = [
    "kv",
    "models",
    "retrieval",
    "memory",
    "clues",
    "generation",
    "registry",
    "nodes",
    "graph",
    "langchain",
    "serving",
    "evaluation",
    "cli",
    "api",
]
"""Lower to higher: nothing imports from a later one. ``retrieval`` knows no model, ``clues`` no index."""


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
    strangers = {user for user in users if user not in ALLOWED[library] and user.split("/")[0] not in ALLOWED[library]}
    assert not strangers, f"{library} is imported in {sorted(strangers)}"


def test_only_one_file_knows_the_dynamic_cache() -> None:
    users = [path.name for path in FILES if "transformers.cache_utils" in imports(path)]
    assert users == ["cache.py"]


def test_nothing_imports_from_a_higher_layer() -> None:
    breaches = []
    for path in FILES:
        mine = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if mine not in LAYERS:
            continue
        for name in imports(path):
            parts = name.split(".")
            layer = parts[1] if parts[0] == "memorag_graph" and len(parts) > 1 else mine
            if layer in LAYERS and LAYERS.index(layer) > LAYERS.index(mine):
                breaches.append(f"{path.relative_to(PACKAGE)} imports {name}")
    assert not breaches


@pytest.mark.parametrize(
    "module", ["memorag_graph", "memorag_graph.agent", "memorag_graph.graph", "memorag_graph.cli.app"]
)
def test_importing_loads_nothing_heavy(module: str) -> None:
    code = (
        f"import sys, {module}; "
        "heavy = ('torch', 'transformers', 'faiss', 'bm25s', 'sentence_transformers', 'openai', 'langchain_openai'); "
        "print([m for m in heavy if m in sys.modules])"
    )
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert finished.stdout.strip() == "[]"


def test_the_help_is_shown_without_the_libraries_of_the_commands() -> None:
    code = (
        "import sys; from typer.testing import CliRunner; from memorag_graph.cli.app import app; "
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
