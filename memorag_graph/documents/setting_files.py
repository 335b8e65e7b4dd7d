"""Read settings (INI, TOML, YAML, ``KEY=value``): a record for each value, with its path, and the comments."""

import re
from itertools import count

from memorag_graph.documents.document import Document
from memorag_graph.documents.document_builder import Builder
from memorag_graph.documents.file import File
from memorag_graph.documents.plain_text import read_text
from memorag_graph.documents.setting_records import SettingRecords, joined_path, unquoted, without_strings
from memorag_graph.documents.yaml_lines import add_yaml

YAML_SUFFIXES = (".yaml", ".yml")
_SECTION = re.compile(r"(\[{1,2})\s*([^\[\]\n]{1,200}?)\s*\]{1,2}\s*(?:[#;].*)?$")
_KEY = re.compile(
    r"(?:export\s+)?(\"[^\"\n]{1,80}\"|'[^'\n]{1,80}'|[^\s=:#;\[\]{}\"'<>][^=:\n{}]{0,80}?)\s*[=:]\s*(.*)$"
)
_TRIPLE = re.compile(r"\"\"\"|'''")
_MOST_UNKNOWN = 0.3
"""Largest share of lines that are neither keys, sections nor comments; with more, a file is no settings."""


def read_settings(file: File) -> Document | Builder:
    """Read settings; the values of an entry of a list are one record. What has other lines is read as plain text."""
    builder = Builder(file.name)
    records = SettingRecords(builder)
    lines = file.text().split("\n")
    unknown = (add_yaml if file.suffix in YAML_SUFFIXES else _add_sections)(records, lines)
    if unknown > _MOST_UNKNOWN * sum(not line.isspace() for line in lines) or not records.has_value:
        return read_text(file)
    records.write()
    return builder


def _add_sections(records: SettingRecords, lines: list[str]) -> int:
    """Add the lines of INI and TOML; return how many are of neither."""
    path, group, unknown, depth, until = "", None, 0, 0, ""
    groups = count()
    for line in map(str.strip, lines):
        if until or depth > 0:
            records.extend(line.replace(until, "") if until else line)
            depth += 0 if until else _opened(line)
            until = "" if until and until in line else until
        elif not line:
            records.blank()
        elif line[0] in "#;!" or line.startswith("//"):
            records.comment(line)
        elif section := _SECTION.match(line):
            path = ".".join(unquoted(it) for it in section[2].split(".")) if '"' in section[2] else section[2]
            group = next(groups) if section[1] == "[[" else None
            records.begin(path)
        elif setting := _KEY.match(line):
            triple = _TRIPLE.match(setting[2])
            value = setting[2].replace(triple[0], "") if triple else setting[2]
            records.value(joined_path(path, setting[1]), value, group)
            until = triple[0] if triple and setting[2].count(triple[0]) == 1 else ""
            depth = 0 if triple or setting[2][:1] not in "[{" else _opened(setting[2])
        else:
            unknown += 1
            records.extend(line)
    return unknown


def _opened(text: str) -> int:
    """Return how many more brackets a text opens than it closes."""
    bare = without_strings(text)
    return sum(map(bare.count, "[{")) - sum(map(bare.count, "]}"))
