"""Collect the values of a settings file as records that name their path: ``database.port: 5432``."""

import re
from itertools import groupby

from memorag_graph.documents.document_builder import Builder
from memorag_graph.documents.table_rows import record_lines

_STRING = re.compile(r"\"(?:[^\"\\\n]|\\.)*\"|'[^'\n]*'")
_BEHIND = re.compile(r"[ \t]+[#;][ \t]+([^\n]*)$")
_OFF = re.compile(r"[\w.\"'-]{1,60}\s?[=:](?:\s|$)|[\w.-]{1,60}=\S|\[[\w. -]{1,60}\]$|- ")
"""What a setting that is commented out begins with."""

_LONGEST = 10_000
"""Characters of a value in which a comment is looked for."""

_LONG = 400
"""Characters beyond which a text of several lines is a paragraph, not a field."""

_LONGEST_COMMENT = 300
_LONGEST_PATH = 200

_Fields = list[tuple[str, list[str]]]
"""Paths and pieces of values."""


class SettingRecords:
    """Collects values and comments, and writes them in order.

    Args:
        builder: Builder of the document.
    """

    def __init__(self, builder: Builder) -> None:
        self._builder = builder
        self._records: list[_Fields] = []
        self._groups: dict[int, _Fields] = {}
        self._comments: list[str] = []
        self._last: _Fields = []

    @property
    def has_value(self) -> bool:
        """Whether a value was added that can be continued."""
        return bool(self._last)

    def comment(self, text: str) -> None:
        """Add a line of a comment; it belongs to what follows directly."""
        text = text.strip("#;/ \t=-*")
        if _OFF.match(text):
            self._records.append([("Comment", [text])])
        elif text:
            self._comments.append(text)

    def blank(self) -> None:
        """Note an empty line: comments above it belong to nothing."""
        self._records.extend([("Comment", [it])] for it in self._comments)
        self._comments = []

    def begin(self, path: str) -> None:
        """Begin what stands below a key or in a section; a comment above it is a record."""
        if comment := self._comment():
            self._records.append([(path[-_LONGEST_PATH:], [comment])])

    def value(self, path: str, text: str, group: int | None = None, outer: int | None = None) -> None:
        """Add a value.

        Args:
            path: The keys around it.
            text: The value as it is written, and a comment behind it.
            group: The entry of a list whose fields are one record; None for a record of its own.
            outer: The entry around that one, whose first field names it.
        """
        text, behind = _split(text)
        fields = self._groups.get(group, []) if group is not None else []
        if not fields:
            fields = self._groups.get(outer, [])[:1] if outer is not None else []
            self._records.append(fields)
        if group is not None:
            self._groups[group] = fields
        fields.append((path[-_LONGEST_PATH:], [text]))
        fields.extend(("", [comment]) for comment in (self._comment(), behind) if comment)
        self._last = fields

    def extend(self, text: str, path: str = "") -> None:
        """Add text to the last value; with a path, as a further one of its list if that is the list's."""
        text, behind = _split(text)
        if self._last and (not path or self._last[-1][0] == path[-_LONGEST_PATH:]):
            more = f"{text} ({behind})" if behind else text
            self._last[-1][1].append(f", {more}" if path else f" {more}")
        else:
            self.value(path, text)

    def write(self) -> None:
        """Add all records to the builder, those of the same first key in one block."""
        self.blank()
        written = [[(key, "".join(pieces).strip()) for key, pieces in fields] for fields in self._records]
        for _, records in groupby(written, key=lambda fields: fields[0][0].rpartition(".")[0].partition(".")[0]):
            lines: list[str] = []
            for fields in records:
                if len(fields) == 1 and len(fields[0][1]) > _LONG:
                    lines += [f"{fields[0][0]}:", fields[0][1]]
                else:
                    lines += record_lines(fields)
            self._builder.text("\n".join(lines))

    def _comment(self) -> str:
        text = " ".join(self._comments)
        if len(text) > _LONGEST_COMMENT:
            self.blank()
            return ""
        self._comments = []
        return text


def joined_path(path: str, key: str) -> str:
    """Return the path of a key within another."""
    key = unquoted(key)
    return f"{path}.{key}" if path else key


def unquoted(text: str) -> str:
    """Return a text without the quotation marks around it."""
    text = text.strip()
    return text[1:-1] if _STRING.fullmatch(text) else text


def without_strings(text: str) -> str:
    """Return a text without what stands in quotation marks."""
    return _STRING.sub("", text)


def _split(written: str) -> tuple[str, str]:
    """Return a value without quotation marks, and the comment behind it."""
    quoted = _STRING.match(written)
    start = quoted.end() if quoted else 0
    behind = _BEHIND.search(written, start) if len(written) <= _LONGEST else None
    text = written[: behind.start()] if behind else written
    return unquoted(text), behind[1].strip() if behind else ""
