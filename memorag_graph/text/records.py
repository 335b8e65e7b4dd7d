"""Find record lines in a text: rows, labelled values, log lines and JSON objects, each of which is one unit.

A record names its keys or stands in a list of its like, so it can be found and quoted alone. Prose is not taken for
records: a colon in a sentence, a wrapped line and a bar in a formula make none.
"""

import re
from collections.abc import Sequence
from itertools import pairwise

from memorag_graph.text.log_traces import trace_end

Span = tuple[int, int]

_LONGEST = 20_000
"""Characters; a longer line is not looked at, except for JSON."""

_LABEL = re.compile(
    r"\s*(?:[-*•+]\s+|\(?\w{1,3}[.)]\s+)?(?P<label>\"[^\"\n]{1,60}\"|\*\*[^*\n]{1,60}\*\*|[^\W_][^\n:：|{}\"]{0,48}?)"
    r"\s?(?::(?=\s|$)|(?<=[^\W\d_]):(?=[^\s/:])|：|\s=\s|\s?\.{4,}\s?)\s*(?P<value>\S.*)?$"
)
_LABEL_WORDS = 5
_LABEL_CHARACTERS = 40
_SHORT_LABEL_WORDS = 4
_SHORT_LINE = 80
_SHORT_SHARE = 0.6
"""A line shorter than this share of its paragraph's longest line was broken on purpose, not wrapped."""

_SENTENCE_INSIDE = re.compile(r"(?:[^\W\d_]{4}|\b[a-z]{3}|\d|\s|[!?])[.!?…][\"'”’)\]]*\s+[^\W\d_]|[。！？।။។۔؟]\s*\S")
_UNLABELLED_START = frozenset({
    *("and", "but", "or", "so", "that", "this", "these", "those", "it", "he", "she", "they", "we", "you", "i"),
    *("if", "when", "while", "because", "as", "then", "there", "here"),
})  # fmt: skip
"""Words that begin a clause of prose before a colon, not a label."""

_LEVEL = r"(?:TRACE|DEBUG|INFO|NOTICE|WARN(?:ING)?|ERROR|CRITICAL|FATAL|SEVERE|ALERT|EMERG)"
_DATE = r"(?:\d{4}[-/]\d\d[-/]\d\d|\d{1,2}[-/](?:\d\d|[A-Z][a-z]{2})[-/]\d{4})"
_TIME = r"\d\d?:\d\d(?::\d\d)?(?:[.,]\d+)?(?:Z|\s?[+-]\d\d:?\d\d)?"
_LOG = re.compile(
    rf"\s*(?:[\[(<]?{_DATE}[T :,]\s?{_TIME}[\])>]?(?=\W|$)"  # 2024-03-01 10:00:00,123
    rf"|[A-Z][a-z]{{2}}\s+\d{{1,2}}\s{_TIME}\s"  # Mar  1 10:00:00
    rf"|[\[(<]{_TIME}[\])>]|{_TIME}\s+[\[(]?{_LEVEL}\b"  # [10:00:00]
    rf"|[\[(<]{_LEVEL}[\])>]|{_LEVEL}\s?[:|]|{_LEVEL}\s{{2,}}|{_LEVEL}\s+[\[(]?{_DATE}"  # [ERROR], WARN:
    r"|\d{1,3}(?:\.\d{1,3}){3}\s\S+\s\S+\s\[)"  # 10.0.0.1 - - [
)
_ASSIGNED = r"[A-Za-z_][\w.-]{0,60}=(?:\"[^\"\n]*\"|[^\s\"]*)"
_LOGFMT = re.compile(rf"\s*{_ASSIGNED}(?:[ \t]+{_ASSIGNED})+\s*$")
"""A line of keys and values: ``level=info msg="pump 3 stopped"``."""

_SETTING = re.compile(r"\s*(?:export\s+)?[A-Za-z_][\w.-]{0,60}=\S[^\n]*$")
"""A line such as ``DB_PORT=5433``."""

_CUE = re.compile(r"\s*(?:\d{1,2}:)?\d\d:\d\d[.,]\d{3}\s+-->\s+(?:\d{1,2}:)?\d\d:\d\d[.,]\d{3}.*$")

_JSON_KEY = re.compile(r"\"[^\"\n]{1,80}\"\s*:")
_JSON_CUT = re.compile(r"(?<=\})\s*,\s*(?=\{)")
_JSON_AROUND = "[], \t\r"
"""What stands around an object in a list."""

_TABLE_RULE = re.compile(r"\s*\|?\s*:?-{2,}:?\s*(?:\|\s*:?-{2,}:?\s*)*\|?\s*$")
_SEPARATORS = (",", ";", "\t")
_GAP = re.compile(r"(?<=[^\s.,;:!?])(?: {2,}| ?\t)(?=\S)")
"""What separates columns that spaces align."""

_FIGURE_APART = re.compile(r"\s*[^\W\d_][^\n.!?]{0,48}?(?: {3,}|\t)\S*\d\S*\s*$")
"""A label and, set apart by spaces, a figure, as "Subtotal      544.50"."""

_FEWEST_COLUMNS = 3
_LISTED_LINE = 60
"""Longest line of a block whose lines may be entries of a list, for example an address."""

_LISTED_SHARE = 0.8
_ENDED = re.compile(r"[.!?…。！？][\"'”’)\]]*\s*$")
_CASED = re.compile(r"[a-z]", re.IGNORECASE)


def record_spans(text: str, lines: Sequence[Span]) -> dict[int, list[Span]]:
    """Return the records among the lines of one paragraph: spans by the number of the line.

    Args:
        text: The text.
        lines: Start and end of each line of the paragraph, in order.

    Returns:
        One span for a line that is a record, with the lines of a trace that go on from it, which have none; several for
        a line of JSON objects, without the commas between them.
    """
    contents = [text[start:end] for start, end in lines]
    found: dict[int, list[Span]] = {}
    for number, ((start, _), line) in enumerate(zip(lines, contents, strict=True)):
        if objects := _json_objects(line):
            found[number] = [(start + first, start + last) for first, last in objects]
        elif len(line) <= _LONGEST and stands_alone(line):
            found[number] = [lines[number]]
    for number in {*_runs(contents), *_listed(contents)} - found.keys():
        found[number] = [lines[number]]
    return found | _with_traces(lines, contents)


def _with_traces(lines: Sequence[Span], contents: list[str]) -> dict[int, list[Span]]:
    """Return the records of a log that go on in further lines, and no records at those lines."""
    found: dict[int, list[Span]] = {}
    for number, line in enumerate(contents):
        if number not in found and len(line) <= _LONGEST and _LOG.match(line):
            after = trace_end(contents, number)
            if after > number + 1:
                found[number] = [(lines[number][0], lines[after - 1][1])]
                found |= {it: [] for it in range(number + 1, after)}
    return found


def is_record(text: str) -> bool:
    """Return whether one line, taken alone, is a record that says something: cells, a short pair, a log line, JSON."""
    line = text.strip()
    if "\n" in line or len(line) > _LONGEST or not line or _CUE.match(line) or _TABLE_RULE.match(line):
        return False
    return bool(_json_objects(line)) or stands_alone(line) or _is_short_pair(line)


def is_table_rule(line: str) -> bool:
    """Return whether a line is the rule below the header of a table in Markdown, such as ``|---|---|``."""
    return "-" in line and bool(_TABLE_RULE.match(line))


def label_of(line: str) -> str | None:
    """Return the label of a line like ``Label: value``, as a speaker's name or a key; None if it has none."""
    found = _LABEL.match(line)
    if not found:
        return None
    label = found["label"].strip(' "*')
    words = label.split()
    if not words or len(words) > _LABEL_WORDS or len(label) > _LABEL_CHARACTERS or label.endswith((".", ",", ";")):
        return None
    return None if words[0].lower() in _UNLABELLED_START else label


def speaker_of(line: str) -> str | None:
    """Return who speaks in a turn like ``Professor E: So, it works. Good.``; None if the line names nobody.

    Cells, as in ``Depot: Leeds | Stock: 44``, are no turn.
    """
    label = label_of(line) if not _has_cells(line) else None
    named = label is not None and (label[0].isupper() or not _CASED.search(label))
    return label if named and not line.lstrip().startswith(('"', "{")) else None


def stands_alone(line: str) -> bool:
    """Return whether a line is a record whatever stands around it."""
    return _has_cells(line) or any(form.match(line) for form in (_LOG, _LOGFMT, _CUE, _TABLE_RULE))


def _has_cells(line: str) -> bool:
    stripped = line.strip()
    if stripped.startswith("|") and stripped.endswith("|") and len(stripped) > 2:
        return True
    cells = stripped.split(" | ")
    if len(cells) < 2 or any(cell.count("(") != cell.count(")") for cell in cells):
        return False
    return len(cells) > 2 or any(label_of(cell) for cell in cells) or all(len(it.split()) <= 8 for it in cells)


def _json_objects(line: str) -> list[Span]:
    """Return the spans of the objects of a line of JSON, of which either end may be missing; none for other lines."""
    stripped = line.strip()
    if not stripped or stripped[0] not in '[{"' or stripped[-1] not in '}],"' or not _JSON_KEY.search(stripped):
        return []
    if stripped[0] == '"' and not _JSON_KEY.match(stripped):
        return []
    ends = [0, *(end for cut in _JSON_CUT.finditer(line) for end in cut.span()), len(line)]
    spans = []
    for start, end in zip(ends[::2], ends[1::2], strict=True):
        kept = line[start:end].lstrip(_JSON_AROUND)
        first = end - len(kept)
        spans.append((first, first + len(kept.rstrip(_JSON_AROUND))))
    return [(first, last) for first, last in spans if first < last]


def _runs(lines: Sequence[str]) -> set[int]:
    """Return the lines that are records because of a neighbour of the same form, or short ones that stand apart."""
    pairs = [_is_pair(line) or bool(_FIGURE_APART.match(line)) for line in lines]
    columns = [_columns(line) for line in lines]
    shortest = _SHORT_SHARE * max(map(len, lines), default=0)
    found = {
        number for number, line in enumerate(lines) if _is_short_pair(line) and _stands_apart(lines, number, shortest)
    }
    for first, second in pairwise(range(len(lines))):
        if (pairs[first] and pairs[second]) or (columns[first] and columns[first] == columns[second]):
            found |= {first, second}
    return found


def _is_pair(line: str) -> bool:
    """Return whether a line is a label with a value that is no text of several sentences, as many a turn is."""
    found = _LABEL.match(line)
    value = (found["value"] or "") if found else ""
    is_short = len(value) <= _SHORT_LINE or not _SENTENCE_INSIDE.search(value)
    return (label_of(line) is not None and is_short) or bool(_SETTING.match(line))


def _is_short_pair(line: str) -> bool:
    label = label_of(line) if len(line) <= _SHORT_LINE else None
    found = _LABEL.match(line)
    return bool(label and found and found["value"]) and len((label or "").split()) <= _SHORT_LABEL_WORDS


def _stands_apart(lines: Sequence[str], number: int, shortest: float) -> bool:
    """Return whether a line neither goes on from the one before it nor into the one after it, as wrapped lines do.

    Args:
        lines: The lines of a paragraph.
        number: Number of the line.
        shortest: Length below which a line was broken on purpose.
    """
    before = lines[number - 1] if number else ""
    after = lines[number + 1].lstrip() if number + 1 < len(lines) else ""
    begins = not before or bool(_ENDED.search(before)) or len(before) < shortest
    return begins and not after[:1].islower()


def _columns(line: str) -> tuple[str, int] | None:
    """Return the separator and number of columns of a line that looks like separated values; None for other lines."""
    if len(line) > _LONGEST or _ENDED.search(line):
        return None
    for separator in _SEPARATORS:
        count = line.count(separator)
        if separator == "\t" and count:
            return separator, count
        if count + 1 >= _FEWEST_COLUMNS and f"{separator} " not in line:
            return separator, count
    gaps = len(_GAP.findall(line))
    return ("  ", gaps) if gaps + 1 >= _FEWEST_COLUMNS else None


def _listed(lines: Sequence[str]) -> set[int]:
    """Return all lines of a paragraph of short lines that begin like entries; wrapped prose goes on in lower case."""
    if len(lines) < 2 or max(map(len, lines)) > _LISTED_LINE:
        return set()
    starts = [line.lstrip()[:1] for line in lines]
    entries = sum(bool(start) and not start.islower() for start in starts)
    ended = sum(bool(_ENDED.search(line)) for line in lines)
    if not any(_CASED.search(line) for line in lines) or ended or entries < _LISTED_SHARE * len(lines):
        return set()
    return set(range(len(lines)))
