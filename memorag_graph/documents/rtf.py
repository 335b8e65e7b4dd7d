"""Read RTF (Rich Text Format 1.9): paragraphs, headings, list labels, tables, footnotes; no control words."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from memorag_graph.documents.document_builder import Builder
from memorag_graph.documents.file import File
from memorag_graph.documents.marks import Mark
from memorag_graph.documents.rtf_characters import DESTINATIONS, SYMBOLS, code_page, decoded, lacks_byte
from memorag_graph.documents.rtf_colours import Colours
from memorag_graph.documents.rtf_layout import Layout
from memorag_graph.errors import InputError

_TOKEN = re.compile(
    r"\\([a-zA-Z]{1,32})(-?\d{1,10})? ?|\\'([0-9a-fA-F]{2})|\\([^a-zA-Z'])|([{}])|[\r\n]+|([^\\{}\r\n]+)|\\", re.DOTALL
)
_ESCAPED = ("\\", "{", "}")
"""Symbols after a backslash that stand for themselves."""

_DEEPEST = 1000
_MOST_SKIPPED = 100
_USUAL_SIZE = 24
_TINY = 4
"""Half points below which a text cannot be read."""

_HIGH, _LOW, _END_LOW = 0xD800, 0xDC00, 0xE000


@dataclass(frozen=True, slots=True)
class _Group:
    """What holds within a group of braces.

    Attributes:
        shown: Whether its text is part of the document.
        target: What its text is for: the body, a font's or a style's description, a footnote.
        page: Name of the code page of its bytes.
        skip: Number of characters that stand for a Unicode character, for old programs.
        is_hidden: Whether its text is hidden.
        is_deleted: Whether its text was deleted in a tracked change.
        mark: Whether its text is a superscript or a subscript.
        size: Size of its letters in half points.
        colour: Number of its colour.
        ground: Number of the colour behind it; 0 for that of the paragraph, below 0 if it is not known.
    """

    shown: bool = True
    target: str = "body"
    page: str = "cp1252"
    skip: int = 1
    is_hidden: bool = False
    is_deleted: bool = False
    mark: Mark = ""
    size: int = _USUAL_SIZE
    colour: int = 0
    ground: int = 0

    @property
    def is_read(self) -> bool:
        """Whether its text is read by people."""
        return self.target in ("body", "footnote", "label")


def read_rtf(file: File) -> Builder:
    """Read a file.

    Raises:
        InputError: If its groups are nested too deeply, or it contains no text.
    """
    return _Reader(file).read()


class _Reader:
    def __init__(self, file: File) -> None:
        self._file = file
        self._builder = Builder(file.name)
        self._layout = Layout(self._builder)
        self._groups = [_Group()]
        self._default = file.encoding or "cp1252"
        self._colours = Colours()
        self._fonts: dict[int, str] = {}
        self._font = 0
        self._bytes = bytearray()
        self._high = 0
        self._ignorable = False
        self._to_skip = 0
        self._handlers: dict[str, Callable[[int | None], None]] = {
            "ansicpg": self._set_page, "f": self._set_font, "fcharset": self._set_charset, "u": self._unicode,
            "uc": lambda count: self._set(skip=min(count or 0, _MOST_SKIPPED)), "plain": self._plain,
            "v": lambda on: self._set(is_hidden=on != 0), "deleted": lambda on: self._set(is_deleted=on != 0),
            "super": lambda _: self._set(mark="sup"), "sub": lambda _: self._set(mark="sub"),
            "nosupersub": lambda _: self._set(mark=""),
            "fs": lambda size: self._set(size=_USUAL_SIZE if size is None else size),
            "cf": lambda number: self._set(colour=number or 0), "highlight": self._set_ground, "cb": self._set_ground,
            "chcbpat": self._set_ground,
        }  # fmt: skip

    def read(self) -> Builder:
        """Read all tokens."""
        text = self._file.data().decode("latin-1")
        place = 0
        while found := _TOKEN.match(text, place):
            place = found.end()
            if found[1] == "bin":
                self._flush_bytes()
                place += max(0, int(found[2] or 0))
            else:
                self._token(*found.groups())
        self._flush_bytes()
        self._layout.end()
        return self._builder

    def _token(self, word: str, number: str, byte: str, symbol: str, brace: str, plain: str) -> None:
        """Read a token: the one of these that is not None."""
        if byte is not None:
            if not self._skipped():
                self._bytes.append(int(byte, 16))
            return
        literal = symbol if symbol in _ESCAPED else plain
        if literal and self._bytes and not self._to_skip and lacks_byte(bytes(self._bytes), self._group.page):
            self._bytes.append(ord(literal[0]))
            self._flush_bytes()
            symbol, plain = "", literal[1:]
        if word or symbol or brace or plain:  # anything but the end of a line
            self._flush_bytes()
        if word:
            self._control(word, int(number) if number else None)
        elif symbol:
            self._symbol(symbol)
        elif brace:
            self._brace(brace)
        elif plain:
            self._plain_text(plain)

    @property
    def _group(self) -> _Group:
        return self._groups[-1]

    def _set(self, **changes: object) -> None:
        self._groups[-1] = replace(self._group, **changes)  # type: ignore[arg-type]

    def _brace(self, brace: str) -> None:
        self._to_skip = 0
        self._ignorable = False
        if brace == "{":
            if len(self._groups) > _DEEPEST:
                raise InputError("file", f"{self._file.name} is damaged (groups are nested too deeply); save it again")
            self._groups.append(self._group)
        elif len(self._groups) > 1:
            ended = self._groups.pop()
            if ended.target != self._group.target:
                self._layout.leave(ended.target)

    def _control(self, word: str, number: int | None) -> None:
        ignorable, self._ignorable = self._ignorable, False
        if word not in ("u", "uc") and self._skipped():
            return
        self._colours.control(word, number)
        if word in DESTINATIONS:
            shown, target = DESTINATIONS[word]
            self._set(shown=shown and (self._group.shown or word == "shptxt"), target=target or self._group.target)
            self._set(ground=-1 if word == "shptxt" else self._group.ground)
            if target:
                self._layout.enter(target)
        elif ignorable:
            self._set(shown=False)
        elif word in self._handlers:
            self._handlers[word](number)
        elif word in SYMBOLS:
            self._write(SYMBOLS[word])
        elif self._group.shown:
            self._layout.control(word, number, self._group.target)

    def _symbol(self, symbol: str) -> None:
        if symbol == "*":
            self._ignorable = True
        elif not self._skipped():
            if symbol in "\r\n":
                self._layout.control("par", None, self._group.target)
            else:
                self._write({"~": "\u00a0", "_": "-", "-": "", "|": "", ":": ""}.get(symbol, symbol))

    def _plain_text(self, text: str) -> None:
        if self._to_skip:
            skipped = min(self._to_skip, len(text))
            self._to_skip -= skipped
            text = text[skipped:]
        if not text.isascii():
            text = decoded(text.encode("latin-1"), self._group.page)
        self._write(text)

    def _skipped(self) -> bool:
        """Return whether what comes next stands for a Unicode character that was read, and count it."""
        if self._to_skip:
            self._to_skip -= 1
            return True
        return False

    def _unicode(self, number: int | None) -> None:
        code = (number or 0) & 0xFFFF
        self._to_skip = self._group.skip
        if _HIGH <= code < _LOW:
            self._high = code
        elif _LOW <= code < _END_LOW:
            self._write(chr(0x10000 + ((self._high - _HIGH) << 10) + code - _LOW) if self._high else "\ufffd")
            self._high = 0
        else:
            self._write(chr(code))

    def _flush_bytes(self) -> None:
        if self._bytes:
            self._write(decoded(bytes(self._bytes), self._group.page))
            self._bytes.clear()

    def _write(self, text: str) -> None:
        group = self._group
        if not group.shown or not text or group.is_deleted:
            return
        if group.target == "colour":
            self._colours.text(text)
            return
        if group.is_read and text.strip() and (group.is_hidden or self._is_invisible(group)):
            self._builder.hidden()
            return
        self._layout.write(text, group.mark, group.target)

    def _is_invisible(self, group: _Group) -> bool:
        if group.size < _TINY:
            return True
        column = self._layout.column if self._layout.is_table else None
        return self._colours.is_invisible(group.colour, group.ground, column)

    def _set_ground(self, number: int | None) -> None:
        self._set(ground=number or 0)

    def _set_page(self, number: int | None) -> None:
        self._default = self._file.encoding or code_page(number or 0)
        self._set(page=self._default)

    def _set_font(self, number: int | None) -> None:
        self._font = number or 0
        self._set(page=self._fonts.get(self._font, self._default))

    def _set_charset(self, number: int | None) -> None:
        if self._group.target == "font":
            self._fonts[self._font] = code_page(charset=number or 0) or self._default

    def _plain(self, _: int | None) -> None:
        self._set(is_hidden=False, is_deleted=False, mark="", page=self._default)
        self._set(size=_USUAL_SIZE, colour=0, ground=min(self._group.ground, 0))
