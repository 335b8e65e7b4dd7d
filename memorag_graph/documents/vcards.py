"""Read contacts (vCard 2.1 to 4.0, RFC 6350): a record for each, ``Name: Ada Lindqvist | Phone (work): 0431 5501``."""

import quopri
import re
from collections.abc import Iterator

from memorag_graph.documents.document import Document
from memorag_graph.documents.document_builder import Builder
from memorag_graph.documents.file import File
from memorag_graph.documents.plain_text import read_text
from memorag_graph.documents.table_rows import record_lines

_START = re.compile(rb"begin:vcard\s", re.IGNORECASE)
_FOLDED = re.compile(r"\n[ \t]")
_LINE = re.compile(r"(?:[\w-]+\.)?([A-Za-z-]{1,40})((?:;(?:\"[^\"\n]*\"|[^\":\n])*)?):(.*)")
_CHARSET = re.compile(r"charset=\"?([\w-]{1,40})", re.IGNORECASE)
_ESCAPED = re.compile(r"\\([\\,;nN])")
_PART = re.compile(r"(?<!\\);")
_KEYS = {
    "FN": "Name", "NICKNAME": "Nickname", "ORG": "Organization", "TITLE": "Title", "ROLE": "Role", "TEL": "Phone",
    "EMAIL": "E-mail", "ADR": "Address", "URL": "Website", "IMPP": "Messenger", "BDAY": "Birthday",
    "ANNIVERSARY": "Anniversary", "LANG": "Language", "RELATED": "Related", "CATEGORIES": "Categories", "NOTE": "Note",
}  # fmt: skip
"""Properties that are read, and what the record calls them."""

_KINDS = ("home", "work", "cell", "mobile", "fax", "pager")
_MOST_BYTES = 64 << 20


def is_vcards(file: File) -> bool:
    """Return whether a file begins with a contact."""
    return _START.match(file.start) is not None


def read_vcards(file: File) -> Document | Builder:
    """Read the contacts; pictures, keys and what only programs use are left out. Without any, it is plain text."""
    builder = Builder(file.name)
    fields: list[tuple[str, str]] = []
    found = False
    for name, parameters, value in _properties(file.text(most=_MOST_BYTES)):
        if name == "BEGIN":
            fields = []
        elif name == "END":
            lines = record_lines(_named(fields))
            builder.text("\n".join(lines))
            found = found or bool(lines)
        elif (name == "N" or name in _KEYS) and (text := _text(parameters, value)):
            fields.append((name if name == "N" else _KEYS[name] + _kind(parameters), text))
    return builder if found else read_text(file)


def _properties(text: str) -> Iterator[tuple[str, str, str]]:
    """Yield name, parameters and value of each line, after lines that go on are joined."""
    waiting = ""
    for line in _FOLDED.sub("", text).split("\n"):
        joined = waiting + line
        if "quoted-printable" in joined[:200].lower() and joined.endswith("="):
            waiting = joined[:-1]
            continue
        waiting = ""
        if found := _LINE.match(joined):
            yield found[1].upper(), found[2], found[3]


def _text(parameters: str, value: str) -> str:
    if "quoted-printable" in parameters.lower():
        charset = _CHARSET.search(parameters)
        data = quopri.decodestring(value.encode())
        try:
            value = data.decode(charset[1] if charset else "utf-8")
        except (LookupError, ValueError):
            value = data.decode("latin-1")
    parts = [_ESCAPED.sub(_unescaped, part).strip() for part in _PART.split(value)]
    return ", ".join(filter(None, parts))


def _unescaped(found: re.Match[str]) -> str:
    return " " if found[1] in "nN" else found[1]


def _kind(parameters: str) -> str:
    """Return what kind of number or address it is, in brackets; empty if nothing says so."""
    words = re.split(r"[^a-z]+", parameters.lower())
    kind = next((it for it in _KINDS if it in words), "")
    return f" ({kind})" if kind else ""


def _named(fields: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the fields of a contact, its name first: the formatted one if there is one."""
    whole = [it for it in fields if it[0] == "Name"]
    parts = [("Name", text) for name, text in fields if name == "N"]
    return [*(whole or parts)[:1], *(it for it in fields if it[0] not in ("Name", "N"))]
