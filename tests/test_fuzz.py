"""Mutated documents, memories and texts: no crash, no hang, no traceback, bounded memory.

``MEMORAG_FUZZ_CASES`` sets the number of inputs, for long runs.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from memorag_graph.documents import from_text
from memorag_graph.registry import Registry
from tests.conftest import TEXT, TINY
from tests.further_formats import FORMATS as FURTHER
from tests.fuzz_process import BYTES, SECONDS
from tests.injections import FORMATS
from tests.warm_process import run_warm

CASES = int(os.environ.get("MEMORAG_FUZZ_CASES", "2000"))
SEED = int(os.environ.get("MEMORAG_FUZZ_SEED", "0"))
SHARES = {"files": 0.5, "memories": 0.15, "texts": 0.35}
_SPEECH = "The ferry of Thorle carried 4,310 lorries in the year 1998. It was late.\n\nA second paragraph follows. "


@pytest.fixture
def seeds(tmp_path: Path, registry: Registry, request: pytest.FixtureRequest) -> Path:
    """Seed files of a kind: one document of each format, or a saved memory."""
    directory = tmp_path / "seeds"
    if request.param == "memories":
        registry.memorize([from_text(TEXT[:2000])], TINY, directory)
        return directory
    directory.mkdir()
    for suffix, write in {**FORMATS, **FURTHER}.items():
        write(directory / f"seed.{suffix}", _SPEECH * 3)
    return directory


@pytest.mark.parametrize(("seeds", "kind"), [(kind, kind) for kind in SHARES], indirect=["seeds"])
def test_mutated_inputs_are_read_or_refused(seeds: Path, kind: str, tmp_path: Path) -> None:
    count = max(1, int(CASES * SHARES[kind]))
    (tmp_path / "work").mkdir()
    arguments = [kind, str(seeds), str(SEED), str(count), str(tmp_path / "work")]
    finished = run_warm(["-m", "tests.fuzz_process", *arguments])
    assert finished.returncode == 0, f"the process crashed ({finished.returncode}): {finished.stderr[-2000:]}"
    found: dict[str, Any] = json.loads(finished.stdout.splitlines()[-1])
    assert found["failures"] == []
    assert found["cases"] == count
    assert found["slowest"] < SECONDS
    assert found["peak"] < BYTES
    assert 0 < found["refused"] < count or kind == "texts", "the mutations change nothing, or everything"
