"""Importing the evaluation without the extra ``eval`` names it (that nothing else imports it: test_architecture)."""

import subprocess
import sys

import pytest

LIBRARIES = ("langchain_classic", "matplotlib", "rouge_score", "scipy")
MODULES = ("evaluation", "evaluation.evaluate", "evaluation.formats.load_dataset", "evaluation.significance")


def output_of(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("library", LIBRARIES)
def test_every_import_without_a_library_names_the_extra(library: str) -> None:
    messages = output_of(f"""
import sys
from importlib import import_module
from memorag_graph.errors import MissingExtraError
sys.modules[{library!r}] = None
for module in {MODULES}:
    try:
        import_module(f"memorag_graph.{{module}}")
    except MissingExtraError as error:
        print(error)
""").splitlines()
    expected = f"evaluation ({library}) needs an optional dependency: pip install 'memorag-graph[eval]'"
    assert messages == [expected] * len(MODULES)
