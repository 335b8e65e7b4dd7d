"""Copies of memories on this machine: a list of the least recently used says which are there, after any use of them."""

import random
from contextlib import ExitStack
from pathlib import Path

import pytest

from memorag_graph.library.machine_copies import MachineCopies
from memorag_graph.memory.storage.journal import JOURNAL
from memorag_graph.memory.storage.sizes import size_of
from memorag_graph.memory.storage.transaction import write_together

BYTES = 2_000


class Machine:
    """Copies of a machine, and what a simple list says of them."""

    def __init__(self, root: Path, most: int) -> None:
        self.root = root
        self.places = [root / f"library {number % 2}" / "memories" / f"{number:064x}" for number in range(6)]
        self.write(0, "memory 0")
        none = MachineCopies(root, 0)
        none.note_use(self.places[0], "memory 0")
        self.one = size_of(self.places[0])
        none.make_room()
        self.copies = MachineCopies(root, most * self.one)
        self.most = most
        self.kept: list[int] = []
        self.held: dict[int, ExitStack] = {}

    def write(self, number: int, memory_id: str) -> None:
        place = self.places[number]
        write_together(place, {"memory.bin": lambda path: path.write_bytes(bytes(BYTES))}, {"memory_id": memory_id})
        (place / ".lease").touch()

    def use(self, number: int) -> None:
        with self.copies.holding(self.places[number]):
            if number not in self.kept:
                self.copies.make_room(self.one)
                self.drop_all_but(self.most - 1)
                self.write(number, f"memory {number}")
            self.copies.note_use(self.places[number], f"memory {number}")
        self.kept = [it for it in self.kept if it != number] + [number]

    def drop_all_but(self, most: int) -> None:
        for it in list(self.kept):
            if len(self.kept) > most and it not in self.held:
                self.kept.remove(it)

    def hold(self, number: int) -> None:
        self.use(number)
        self.held.setdefault(number, ExitStack()).enter_context(self.copies.holding(self.places[number]))

    def release(self, number: int) -> None:
        self.held.pop(number, ExitStack()).close()

    def there(self) -> list[int]:
        return [number for number, place in enumerate(self.places) if (place / "memory.bin").exists()]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Times of use that differ, however coarse those of the disk are."""
    import os

    from memorag_graph.library import machine_copies

    ticks = iter(range(1, 10_000))
    real = MachineCopies.note_use

    def note_use(self: MachineCopies, place: Path, memory_id: str) -> None:
        real(self, place, memory_id)
        now = next(ticks)
        os.utime(place / machine_copies._ON_STORE, (now, now))

    monkeypatch.setattr(MachineCopies, "note_use", note_use)


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("seed", range(4))
def test_after_any_use_the_least_recently_used_that_nobody_holds_are_gone(tmp_path: Path, seed: int) -> None:
    chance, machine = random.Random(seed), Machine(tmp_path, most=3)
    most_there = 0
    for _ in range(60):
        getattr(machine, chance.choice(["use", "use", "hold", "release"]))(chance.randrange(6))
        assert machine.there() == sorted(machine.kept)
        most_there = max(most_there, len(machine.kept))
    assert most_there >= machine.most


@pytest.mark.usefixtures("clock")
def test_what_the_store_may_lack_is_kept(tmp_path: Path) -> None:
    """A memory that was never written to the store, another one than the store has, and notes of an unfinished one."""
    machine = Machine(tmp_path, most=1)
    machine.write(0, "made here")
    machine.use(1)
    machine.write(1, "made anew by another model")
    machine.use(2)
    (machine.places[2] / JOURNAL).touch()
    machine.use(3)
    machine.copies.make_room(machine.one)
    assert machine.there() == [0, 1, 2]
    (machine.places[2] / JOURNAL).unlink()
    machine.copies.note_use(machine.places[1], "made anew by another model")
    machine.copies.make_room(machine.one)
    assert machine.there() == [0]


def test_no_bytes_are_left_of_what_a_killed_process_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(tmp_path, most=1)
    machine.use(1)
    with monkeypatch.context() as patch:
        patch.setattr("shutil.rmtree", lambda *_, **__: None)
        machine.copies.make_room(machine.one)
    assert machine.there() == []
    assert size_of(tmp_path) > BYTES
    machine.copies.make_room()
    assert size_of(tmp_path) < BYTES
