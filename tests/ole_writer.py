"""Write OLE files (MS-CFB) and Outlook messages in them; no other writer is at hand."""

import struct
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

Tree = Mapping[str, Any]
"""Storages by name: bytes of a stream, or what is inside."""

_SECTOR, _MINI, _CUTOFF = 512, 64, 4096
_FREE, _END, _FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD


def write_ole(path: Path, tree: Tree) -> Path:
    """Write a file of streams and storages."""
    entries: list[list[Any]] = [["Root Entry", 5, _FREE, _FREE, _FREE, _END, 0]]
    streams: list[tuple[int, bytes]] = []
    _add(entries, streams, 0, tree)
    sectors: list[bytes] = []
    chain: list[int] = []
    mini, mini_chain = b"", []

    def store(data: bytes) -> int:
        begin = len(sectors)
        for at in range(0, len(data), _SECTOR):
            sectors.append(data[at : at + _SECTOR].ljust(_SECTOR, b"\0"))
            chain.append(len(sectors))
        if len(sectors) > begin:
            chain[-1] = _END
        return begin if len(sectors) > begin else _END

    for number, data in streams:
        entries[number][6] = len(data)
        if len(data) >= _CUTOFF:
            entries[number][5] = store(data)
        elif data:
            entries[number][5] = len(mini) // _MINI
            count = -(-len(data) // _MINI)
            mini_chain += [len(mini) // _MINI + it for it in range(1, count)] + [_END]
            mini += data.ljust(count * _MINI, b"\0")
    entries[0][5], entries[0][6] = store(mini), len(mini)
    mini_fat = store(struct.pack(f"<{len(mini_chain)}I", *mini_chain).ljust(_SECTOR, b"\xff")) if mini_chain else _END
    directory = store(b"".join(map(_entry, entries)))
    fats = -(-(len(chain) + 1) // (_SECTOR // 4 - 1))
    first_fat = len(sectors)
    table = chain + [_FAT] * fats
    table += [_FREE] * (fats * _SECTOR // 4 - len(table))
    places = [first_fat + it for it in range(fats)] + [_FREE] * (109 - fats)
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + bytes(6)
    header += struct.pack("<IIIIIIIII", 0, fats, directory, 0, _CUTOFF, mini_fat, int(bool(mini_chain)), _END, 0)
    header += struct.pack("<109I", *places)
    path.write_bytes(header + b"".join(sectors) + struct.pack(f"<{len(table)}I", *table))
    return path


def _add(entries: list[list[Any]], streams: list[tuple[int, bytes]], parent: int, tree: Tree) -> None:
    before = None
    for name in sorted(tree, key=lambda it: (len(it), it.upper())):
        number = len(entries)
        content = tree[name]
        entries.append([name, 2 if isinstance(content, bytes) else 1, _FREE, _FREE, _FREE, 0, 0])
        if before is None:
            entries[parent][4] = number
        else:
            entries[before][3] = number
        before = number
        if isinstance(content, bytes):
            streams.append((number, content))
        else:
            _add(entries, streams, number, content)


def _entry(entry: Sequence[Any]) -> bytes:
    name, kind, left, right, child, start, size = entry
    written = str(name).encode("utf-16-le") + b"\0\0"
    body = written.ljust(64, b"\0") + struct.pack("<HBBIII", len(written), kind, 1, left, right, child)
    return body + bytes(16 + 4 + 16) + struct.pack("<IQ", start, size)


def message(
    texts: Mapping[str, str | bytes],
    attachments: Sequence[Tree] = (),
    sent: datetime | None = None,
    *,
    inner: bool = False,
) -> Tree:
    """Return a message: properties by tag, attachments (see :func:`attachment`), time of sending."""
    fixed = bytes(24 if inner else 32)
    if sent is not None:
        ticks = int((sent - datetime(1601, 1, 1, tzinfo=UTC)).total_seconds() * 10_000_000)
        fixed += struct.pack("<HHIQ", 0x40, 0x0039, 6, ticks)
    tree: dict[str, Any] = {"__properties_version1.0": fixed + _described(texts), **_properties(texts)}
    return tree | {f"__attach_version1.0_#{at:08X}": it for at, it in enumerate(attachments)}


def attachment(texts: Mapping[str, str | bytes], embedded: Tree | None = None) -> Tree:
    """Return an attachment: properties by tag, or another message."""
    tree: dict[str, Any] = {"__properties_version1.0": bytes(8) + _described(texts), **_properties(texts)}
    return tree | ({"__substg1.0_3701000D": embedded} if embedded else {})


def _described(texts: Mapping[str, str | bytes]) -> bytes:
    kinds = {tag: 0x1F if isinstance(text, str) else 0x102 for tag, text in texts.items()}
    return b"".join(struct.pack("<HHIQ", kinds[tag], int(tag, 16), 6, len(text)) for tag, text in texts.items())


def _properties(texts: Mapping[str, str | bytes]) -> dict[str, bytes]:
    return {
        f"__substg1.0_{tag}{'001F' if isinstance(text, str) else '0102'}": text.encode("utf-16-le")
        if isinstance(text, str)
        else text
        for tag, text in texts.items()
    }
