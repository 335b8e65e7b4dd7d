"""A container with fewer processors than it shows gets as many compute threads as it may use."""

from pathlib import Path

import pytest
import torch

from memorag_graph import control_groups, processors
from memorag_graph.models.compute_threads import ComputeThread


@pytest.fixture
def container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Be in the group ``a/b`` on a machine that shows eight processors."""
    (tmp_path / "own").write_text("0::/a/b\n")
    (tmp_path / "a" / "b").mkdir(parents=True)
    monkeypatch.setattr(control_groups, "_ROOT", tmp_path)
    monkeypatch.setattr(control_groups, "_OWN", tmp_path / "own")
    monkeypatch.setattr(processors, "_visible", lambda: 8)
    return tmp_path


@pytest.mark.parametrize(
    ("outer", "inner", "expected"),
    [
        ("max 100000", "max 100000", 8),
        ("max 100000", "200000 100000", 2),
        ("150000 100000", "400000 100000", 2),
        ("max 100000", "50000 100000", 1),
        ("900000 100000", "max 100000", 8),
    ],
)
def test_the_smallest_quota_counts(container: Path, outer: str, inner: str, expected: int) -> None:
    (container / "a" / "cpu.max").write_text(f"{outer}\n")
    (container / "a" / "b" / "cpu.max").write_text(f"{inner}\n")
    assert processors.usable_processors() == expected


def test_a_compute_thread_uses_no_more_than_it_may(container: Path) -> None:
    (container / "a" / "cpu.max").write_text("100000 100000\n")
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        assert ComputeThread("cpu").submit(torch.get_num_threads).result() == 1
    finally:
        torch.set_num_threads(before)
