"""Who may read what the package writes."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from memorag_graph.documents import from_text
from memorag_graph.memory.storage.journal import Journal
from memorag_graph.private_files import make_private_dir, write_private
from memorag_graph.registry import Registry
from tests.conftest import TEXT, TINY


@pytest.fixture(autouse=True)
def open_umask() -> Iterator[None]:
    """Nothing is protected by chance."""
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_store_is_readable_by_its_owner_alone(registry: Registry) -> None:
    opened = registry.memorize([from_text(TEXT)], TINY)
    root = registry.store.root
    paths = [root, *root.rglob("*")]
    assert len(paths) > 6
    assert {oct(mode(path)) for path in paths if path.is_dir()} == {"0o700"}
    assert {oct(mode(path)) for path in paths if path.is_file()} == {"0o600"}
    assert opened.memory.id in {path.name for path in paths}


@pytest.mark.parametrize(("directory", "file"), [(0o700, 0o600), (0o755, 0o644), (0o770, 0o660)])
def test_a_memory_elsewhere_is_as_readable_as_its_directory(
    registry: Registry, tmp_path: Path, directory: int, file: int
) -> None:
    place = tmp_path / "mine"
    place.mkdir()
    place.chmod(directory)
    registry.memorize([from_text(TEXT)], TINY, place)
    assert {oct(mode(path)) for path in place.iterdir()} == {oct(file)}
    Journal(place / ".journal").add("key", "text")
    assert mode(place / ".journal") == file


def test_a_private_file_replaces_another_and_its_directories_are_private(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "file"
    write_private(path, b"first")
    write_private(path, b"second")
    assert path.read_bytes() == b"second"
    assert [mode(it) for it in (path, path.parent, path.parent.parent)] == [0o600, 0o700, 0o700]
    assert list(path.parent.iterdir()) == [path]


def test_an_existing_directory_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir(mode=0o750)
    make_private_dir(tmp_path / "shared")
    assert mode(tmp_path / "shared") == 0o750


def test_a_file_that_cannot_be_written_is_left_unchanged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_private(tmp_path / "file", b"old")

    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space"):
        write_private(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1
