"""Read YAML by its lines: keys, lists, texts of several lines and comments; nothing is executed or expanded."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

from memorag_graph.documents.setting_records import SettingRecords, joined_path

_KEY = re.compile(
    r"(\"(?:[^\"\\\n]|\\.){1,200}\"|'[^'\n]{1,200}'|[^\s\"'#\[\]{},&*!|>%@`][^#:\n]{0,200}?)[ \t]*:(?:[ \t]+(.*))?$"
)
_NODE = re.compile(r"(?:[&!][^\s]{1,80}(?:[ \t]+|$)){1,2}")
"""An anchor or a tag before a value."""

_BLOCK = re.compile(r"[|>][+-]?\d?[+-]?(?:\s+#.*)?$")
_ITEM = re.compile(r"-(?:[ \t]+|$)")
_MARKS = ("---", "...", "%")
_DEEPEST = 100


@dataclass(frozen=True, slots=True)
class _Level:
    """A key or an entry of a list that is open.

    Attributes:
        indent: Where it begins in its line.
        path: The keys down to it.
        group: The entry of a list that it is in.
        outer: The entry around that one.
        is_item: Whether it is an entry itself.
    """

    indent: int
    path: str
    group: int | None = None
    outer: int | None = None
    is_item: bool = False


class _Lines:
    def __init__(self, records: SettingRecords) -> None:
        self._records = records
        self._levels = [_Level(-1, "")]
        self._groups = count()
        self.unknown = 0
        self.block: int | None = None
        """Indent of the key whose text of several lines is being read."""

    def add(self, line: str) -> None:
        """Add a line that is neither blank nor part of a text of several lines."""
        content = line.lstrip(" \t")
        indent = len(line) - len(content)
        if content.startswith("#"):
            self._records.comment(content)
        elif indent == 0 and content.startswith(_MARKS):
            self._levels = [_Level(-1, "")]
        else:
            is_item = False
            while (mark := _ITEM.match(content)) and len(self._levels) < _DEEPEST:
                self._begin_item(indent)
                is_item, content, indent = True, content[mark.end() :], indent + mark.end()
            self._add_content(content, indent, is_item)

    def _begin_item(self, indent: int) -> None:
        while self._levels[-1].indent > indent or (self._levels[-1].indent == indent and self._levels[-1].is_item):
            self._levels.pop()
        above = self._levels[-1]
        self._levels.append(_Level(indent, above.path, next(self._groups), above.group, is_item=True))

    def _add_content(self, content: str, indent: int, is_item: bool) -> None:
        if found := _KEY.match(content):
            while self._levels[-1].indent >= indent:
                self._levels.pop()
            above = self._levels[-1]
            path = joined_path(above.path, found[1])
            value = _NODE.sub("", found[2] or "", count=1)
            if not value or value.startswith("#"):
                self._records.begin(path)
                self._levels.append(_Level(indent, path, above.group, above.outer))
            elif _BLOCK.match(value):
                self.block = indent
                self._records.value(path, "", above.group, above.outer)
            else:
                self._records.value(path, value, above.group, above.outer)
        elif is_item and content:
            self._records.extend(content, self._levels[-1].path)
        elif content:
            self.unknown += 1
            self._records.extend(content)


def add_yaml(records: SettingRecords, lines: Sequence[str]) -> int:
    """Add the lines of a YAML file; return how many go on from others or are no YAML."""
    state = _Lines(records)
    for line in lines:
        if not line.strip():
            if state.block is None:
                records.blank()
        elif state.block is not None and _indent(line) > state.block:
            records.extend(line.strip())
        else:
            state.block = None
            state.add(line)
    return state.unknown


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" \t"))
