"""The memories of a library as objects that many machines write and remove, and their copies on this machine.

A memory's files are kept in parts, each named by its SHA-256, and its manifest last, in a folder of manifests: from
then on the memory is there for all. Each part is written by a conditional create, so two who make one memory, or one
who was killed and begins again, leave the same objects. Of two whose bytes differ, as on different processors, the
first to write the manifest wins.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from memorag_graph.disk_errors import advice
from memorag_graph.errors import MemoryFileError
from memorag_graph.library.bucket import Bucket
from memorag_graph.library.folder_memories import FolderMemories
from memorag_graph.library.machine_copies import MachineCopies
from memorag_graph.memory.storage.checksums import Part, parts_of
from memorag_graph.memory.storage.manifest import require_known
from memorag_graph.memory.storage.sealed_manifest import sealed, unsealed
from memorag_graph.memory.storage.transaction import Writer, open_verified, read_manifest, write_together
from memorag_graph.progress import Progress, ReportProgress, ignore_progress

_MANIFESTS, _PARTS = "manifests", "memories"
_SUFFIX = ".json"
_OWN = re.compile(rf"{_MANIFESTS}/[0-9a-f]{{64}}{_SUFFIX}|{_PARTS}/[0-9a-f]{{64}}/[0-9a-f]{{64}}")

_FEW = 8
"""Texts that are looked up one by one, instead of listing those of all."""

_AT_ONCE = 4
"""Parts that are read at once, each of up to 16 MiB of RAM."""


Answer = TypeVar("Answer")


class _DamagedError(Exception):
    """A memory on the store is not whole, or is not what its manifest says."""


class SharedMemories:
    """Memories on an object store. See :class:`memorag_graph.library.stored_memories.StoredMemories`.

    Args:
        bucket: The store.
        copies: Folders of those that were made or asked on this machine.
        machine: Keeps the folders of all libraries within a number of bytes.
    """

    def __init__(self, bucket: Bucket, copies: FolderMemories, machine: MachineCopies) -> None:
        self._bucket = bucket
        self._copies = copies
        self._machine = machine
        self._models: dict[str, tuple[str, str]] = {}
        self.store = copies.store
        self.place = copies.place
        self.is_being_made = copies.is_being_made
        self.id_here = copies.id_here

    def made(self, texts: Collection[str]) -> Collection[str]:
        """Return those of some texts that have a memory."""
        if len(texts) <= _FEW:
            return {text for text, is_made in _each(lambda text: self._bucket.has(_manifest(text)), texts) if is_made}
        there = self._bucket.sizes(_MANIFESTS)
        return {text for text in texts if _manifest(text) in there}

    def models(self, texts: Collection[str]) -> Mapping[str, str]:
        """Return the name of the model of each memory of some texts; a manifest is read once, unless it changes."""
        if len(texts) <= _FEW:
            return {text: model for text, model in _each(self._model, texts) if model}
        tags = self._bucket.tags(_MANIFESTS)
        there = {text: tags[_manifest(text)] for text in texts if _manifest(text) in tags}
        unread = [text for text, tag in there.items() if self._models.get(text, ("", ""))[0] != tag]
        for text, model in _each(self._model, unread):
            self._models[text] = there[text], model
        return {text: model for text in there if (model := self._models[text][1])}

    @contextmanager
    def making(self, text_sha256: str) -> Iterator[Path]:
        """Lend the folder in which the memory of a text is made or fetched; nobody drops it meanwhile.

        Raises:
            MemoryFileError: If it cannot be written.
        """
        place = self.place(text_sha256)
        with ExitStack() as held:
            with _writing(place):
                held.enter_context(self._machine.holding(place))
            yield place

    @contextmanager
    def fetched(self, text_sha256: str) -> Iterator[Path | None]:
        """Lend the folder of a memory on this machine, which is that of the store; None if the store has none.

        Raises:
            MemoryFileError: If it is damaged, or cannot be written here. A damaged one counts as missing from then on.
        """
        with ExitStack() as held:
            yield self._fetched(text_sha256, held)

    def _fetched(self, text_sha256: str, held: ExitStack) -> Path | None:
        kept, version = self._kept(text_sha256)
        if not version:
            return None
        try:
            if kept is None:
                raise _DamagedError("its manifest is damaged")
            place = held.enter_context(self.making(text_sha256))
            if not _is_same(kept, self._here(place)):
                self._fetch(text_sha256, kept)
            self._machine.note_use(place, str(kept.get("memory_id")))
        except _DamagedError as error:
            if self._kept(text_sha256)[1] != version:  # it was replaced or removed meanwhile
                return self._fetched(text_sha256, held)
            self._bucket.delete([_manifest(text_sha256)])
            raise MemoryFileError(f"{_manifest(text_sha256)} was given up, as {error}; have it made again") from None
        return place

    def share(self, text_sha256: str, report: ReportProgress = ignore_progress) -> bool:
        """Write a memory that was made in its folder to the store; return whether the store has it.

        Raises:
            MemoryFileError: If it is missing or damaged, or the store has one of a newer format.
        """
        place = self.place(text_sha256)
        with self.store.claim(place, report):
            mine = read_manifest(place)
            is_shared = self._write(text_sha256, mine, report)
        if is_shared:
            self._machine.note_use(place, str(mine.get("memory_id")))
            with suppress(OSError):  # it is shared, whether or not others can be dropped
                self._machine.make_room()
        return is_shared

    def _write(self, text_sha256: str, mine: Mapping[str, Any], report: ReportProgress) -> bool:
        """Write a memory to the store; return whether the store has its bytes."""
        name = _manifest(text_sha256)
        while True:
            kept, version = self._kept(text_sha256)
            if kept is not None:
                require_known(kept, f"{self._bucket.url}/{name}")
            if kept is not None and kept.get("memory_id") == mine.get("memory_id"):
                self._sweep(text_sha256, kept)
                return _is_same(kept, mine)
            self._write_parts(text_sha256, mine, report)
            content = sealed(mine)
            if self._bucket.swap(name, content, version) if version else self._bucket.create(name, content):
                self._sweep(text_sha256, mine)
                self._write_parts(text_sha256, mine, report)  # whoever came before may have swept some away
                return True

    def keep_only(self, wanted: Collection[str]) -> None:
        """Remove the memories of all other texts from the store, then from this machine."""
        manifests = self._bucket.sizes(_MANIFESTS)
        kept = {_manifest(text) for text in wanted}
        self._bucket.delete([name for name in manifests if name not in kept])
        for folder in self._bucket.folders(_PARTS):
            if folder.rpartition("/")[2] not in wanted:
                self._bucket.delete(self._bucket.sizes(folder))
        self._copies.keep_only(wanted)

    def _model(self, text_sha256: str) -> str:
        """Return the name of a memory's model; empty if there is no memory that can be read."""
        manifest, _ = self._kept(text_sha256)
        identity = (manifest or {}).get("identity")
        return str(identity.get("model", "")) if isinstance(identity, dict) else ""

    def _kept(self, text_sha256: str) -> tuple[dict[str, Any] | None, Mapping[str, str]]:
        """Return the manifest on the store, None if it is damaged, and its version; no version if there is none."""
        try:
            content, version = self._bucket.read_version(_manifest(text_sha256))
        except FileNotFoundError:
            return None, {}
        try:
            manifest = unsealed(content)
            for described in manifest["files"].values():
                parts_of(described)
        except ValueError:
            return None, version
        return manifest, version

    def _here(self, place: Path) -> Mapping[str, Any]:
        try:
            return read_manifest(place)
        except MemoryFileError:
            return {}

    def _fetch(self, text_sha256: str, manifest: Mapping[str, Any]) -> None:
        place = self.place(text_sha256)
        writers = {name: self._writer(text_sha256, it) for name, it in manifest["files"].items()}
        with _writing(place), self.store.claim(place):
            if not _is_same(manifest, self._here(place)):  # else somebody else has fetched it meanwhile
                self._machine.make_room(sum(it["bytes"] for it in manifest["files"].values()))
                write_together(place, writers, manifest)

    def _writer(self, text_sha256: str, described: Mapping[str, Any]) -> Writer:
        parts = parts_of(described)

        def write(path: Path) -> None:
            with path.open("wb") as file, ThreadPoolExecutor(_AT_ONCE) as pool:
                for first in range(0, len(parts), _AT_ONCE):
                    several = parts[first : first + _AT_ONCE]
                    file.writelines(pool.map(lambda part: self._read_part(text_sha256, part), several))

        return write

    def _read_part(self, text_sha256: str, part: Part) -> bytes:
        name = _part(text_sha256, part)
        try:
            content = self._bucket.read(name)
        except FileNotFoundError:
            raise _DamagedError(f"{name} is missing") from None
        if not part.is_of(content):
            self._bucket.delete([name])  # else whoever makes the memory again would not write it
            raise _DamagedError(f"{name} does not have the contents that its name says")
        return content

    def _write_parts(self, text_sha256: str, manifest: Mapping[str, Any], report: ReportProgress) -> None:
        there, place = self._bucket.sizes(f"{_PARTS}/{text_sha256}"), self.place(text_sha256)
        for name, described in manifest["files"].items():
            missing = [part for part in parts_of(described) if _part(text_sha256, part) not in there]
            for number, part in enumerate(missing):
                report(Progress("upload", number, len(missing), "parts"))
                self._bucket.create(_part(text_sha256, part), _content(place, name, manifest, part))

    def _sweep(self, text_sha256: str, manifest: Mapping[str, Any]) -> None:
        """Delete the parts that a manifest does not name, as of a memory that it replaces or a killed upload."""
        there = self._bucket.sizes(f"{_PARTS}/{text_sha256}")
        named = {_part(text_sha256, part) for it in manifest["files"].values() for part in parts_of(it)}
        self._bucket.delete(there.keys() - named)


def is_of_memory(name: str) -> bool:
    """Return whether an object of a library is of a memory, by its name."""
    return _OWN.fullmatch(name) is not None


@contextmanager
def _writing(place: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise MemoryFileError(f"{place} cannot be written ({error}); {advice(error)}") from error


def _each(ask: Callable[[str], Answer], texts: Collection[str]) -> list[tuple[str, Answer]]:
    """Return what is answered for each text, asking for several at once."""
    with ThreadPoolExecutor(_FEW) as pool:
        return list(zip(texts, pool.map(ask, texts), strict=True))


def _content(place: Path, name: str, manifest: Mapping[str, Any], part: Part) -> bytes:
    path = open_verified(place, name, manifest, "size")
    with path.open("rb") as file:
        file.seek(part.start)
        content = file.read(part.length)
    if not part.is_of(content):
        raise MemoryFileError(f"{path} is damaged: its contents do not match its SHA-256; delete {place}")
    return content


def _is_same(manifest: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Return whether two manifests are of one memory with the same bytes."""
    files = [{name: file["sha256"] for name, file in it.get("files", {}).items()} for it in (manifest, other)]
    return manifest.get("memory_id") == other.get("memory_id") and files[0] == files[1]


def _manifest(text_sha256: str) -> str:
    return f"{_MANIFESTS}/{text_sha256}{_SUFFIX}"


def _part(text_sha256: str, part: Part) -> str:
    return f"{_PARTS}/{text_sha256}/{part.sha256}"
