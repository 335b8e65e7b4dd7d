"""Find records of several lines: entries of an address book, and groups of lines that repeat the same labels."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise

from memorag_graph.text.records import Span, label_of, stands_alone

_MOST_LINES = 12
_LONGEST_LINE = 80
_MOST_SENTENCES = 0.34
"""Largest share of lines that end as sentences do: those of a conversation, not of a form."""

_SAME_LABELS = 0.5
"""Least share of a group's labels that the first group has, too."""

_FEWEST_OF_FORM = 3
"""Labelled lines that are a form if less than half of them tell how to reach somebody."""

_FEWEST_ALIKE = 3
"""Neighbouring paragraphs of as many short lines that are entries of one list."""

_NAME_LABEL = re.compile(
    r"(?:full |first |last |contact )?(?:name|contact|person|company|firm|organi[sz]ation)"
    r"|firma|kontakt|nom|nombre|nome",
    re.IGNORECASE,
)
_MAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}\.\w")
_PHONE = re.compile(r"(?:[^\W\d][\w. -]{0,20}[:.]?\s{1,3})?[+(]?\d(?:[ ()/.–-]{0,2}\d){5,14}\s*$")
_MOST_NAME_WORDS = 6
_ENDED = re.compile(r"[^\W\d_]{3}[.!?…][\"'”’)]*\s*$|[。！？]\s*$")
_VALUE = re.compile(r"^[^:：=]{1,60}[:：=]\s*\S")


def record_blocks(text: str, paragraphs: Sequence[Sequence[Span]]) -> dict[int, list[tuple[int, int]]]:
    """Return the groups of lines of each paragraph that are one record each, by first line and end.

    Such are an entry of an address book (a name with lines below it, one of them a telephone number or an e-mail
    address), and lines that repeat the labels of others, as ``Name: …`` and ``Room: …`` for each guest, in paragraphs
    of their own or in one. Three or more neighbouring paragraphs of equally many short lines are entries, too.

    Args:
        text: The text.
        paragraphs: Start and end of each line, by paragraph.
    """
    contents = [[text[start:end] for start, end in lines] if _is_short(lines) else [] for lines in paragraphs]
    labels = [[label_of(line) if _VALUE.match(line) else None for line in lines] for lines in contents]
    openings = Counter(it[0] for it in labels if _are_labelled(it))
    entries = _entries(contents)
    found: dict[int, list[tuple[int, int]]] = {}
    for number, (lines, own) in enumerate(zip(contents, labels, strict=True)):
        if len(lines) < 2 or _are_sentences(lines) or any(map(stands_alone, lines)):
            continue
        repeated = _are_labelled(own) and openings[own[0]] > 1
        if groups := list(_groups(own)):
            found[number] = groups
        elif len(lines) <= _MOST_LINES and (number in entries or repeated or _is_contact(lines, own)):
            found[number] = [(0, len(lines))]
    return found


def _is_short(lines: Sequence[Span]) -> bool:
    return bool(lines) and max(end - start for start, end in lines) <= _LONGEST_LINE


def _are_sentences(lines: Sequence[str]) -> bool:
    return sum(bool(_ENDED.search(line)) for line in lines) > _MOST_SENTENCES * len(lines)


def _are_labelled(labels: Sequence[str | None]) -> bool:
    return len(labels) > 1 and all(labels) and len(set(labels)) == len(labels)


def _groups(labels: Sequence[str | None]) -> Iterator[tuple[int, int]]:
    """Yield the groups of a paragraph of labelled lines in which the first label comes again."""
    starts = [number for number, label in enumerate(labels) if label == labels[0]]
    if not all(labels) or len(starts) < 2:
        return
    groups = list(pairwise([*starts, len(labels)]))
    first = set(labels[slice(*groups[0])])
    for start, end in groups:
        own = labels[start:end]
        known = sum(label in first for label in own)
        if not _are_labelled(own) or known < 2 or known < _SAME_LABELS * len(own):
            return
    yield from groups


def _is_contact(lines: Sequence[str], labels: Sequence[str | None]) -> bool:
    """Return whether a name and how to reach whom it names stand in the lines, once."""
    name = lines[0].strip()
    named = not labels[0] and not name[0].islower() and len(name.split()) <= _MOST_NAME_WORDS and "@" not in name
    if not named and not _NAME_LABEL.fullmatch(labels[0] or ""):
        return False
    mails = [number for number, line in enumerate(lines) if _MAIL.search(line)]
    phones = [number for number, line in enumerate(lines) if number and _PHONE.match(line)]
    labelled = sum(map(bool, labels[1:]))
    if labelled >= _FEWEST_OF_FORM and 2 * len({*mails, *phones}) < labelled:
        return False  # a form, of which each line tells something
    reached = bool(mails or phones)
    return reached and not any(_ENDED.search(line) for line in lines) and all(b - a == 1 for a, b in pairwise(mails))


def _entries(contents: Sequence[Sequence[str]]) -> set[int]:
    """Return the paragraphs that have as many short, unlabelled lines as their neighbours, at least three in a row."""
    sizes = [len(lines) if _are_entries(lines) else 0 for lines in contents]
    found: set[int] = set()
    for size, run in groupby(range(len(contents)), key=sizes.__getitem__):
        numbers = list(run)
        if size and len(numbers) >= _FEWEST_ALIKE:
            found.update(numbers)
    return found


def _are_entries(lines: Sequence[str]) -> bool:
    return 1 < len(lines) <= _MOST_LINES // 2 and not any(
        line.lstrip()[:1].islower() or _ENDED.search(line) or label_of(line) for line in lines
    )
