"""Find records of several lines: entries of an address book, and groups of lines that repeat the same labels."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby, pairwise

from memorag_graph.text.records import Span, label_of, stands_alone

_MOST_LINES = 12
_LONGEST_LINE = 80
_MOST_SENTENCES = 0.34
"""Largest share of lines that end as sentences do: those of a conversation, not of a form."""

_SAME_LABELS = 0.5
"""Least share of a group's labels that the first group has, too."""

_FEWEST_ALIKE = 3
"""Neighbouring paragraphs of as many short lines that are entries of one list."""

_NAME_LABEL = re.compile(
    r"(?:full |first |last |contact )?(?:name|contact|person|company|firm|organi[sz]ation)"
    r"|firma|kontakt|nom|nombre|nome",
    re.IGNORECASE,
)
_PLACE_LABEL = re.compile(
    r"(?:\w+ )?(?:address|street|city|town|zip|postcode|company|firm|job|role|title|fax|web|website)"
    r"|(?:post)?anschrift|adresse|straße|ort|plz|firma|funktion|rue|ville|société|dirección|calle|ciudad|empresa|cargo"
    r"|indirizzo|via|città|azienda|endereço|rua|cidade|adres|straat|stad|bedrijf|functie|адрес|город|должность|факс",
    re.IGNORECASE,
)
"""Labels of an address book, beside those of telephone numbers and e-mail addresses."""

_REACHING = 0.5
"""Least share of the lines below a name that say who or where somebody is: those of a form say other things."""

_MAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}\.\w")
_PHONE = re.compile(r"(?:[^\W\d][\w. -]{0,20}[:.]?\s{1,3})?[+(]?\d(?:[ ()/.–-]{0,2}\d){5,14}\s*$")
_MOST_NAME_WORDS = 6
_ENDED = re.compile(r"[^\W\d_]{3}[.!?…][\"'”’)]*\s*$|[。！？]\s*$")
_VALUE = re.compile(r"^[^:：=]{1,60}[:：=]\s*\S")


def record_blocks(text: str, paragraphs: Sequence[Sequence[Span]]) -> dict[int, list[tuple[int, int]]]:
    """Return the groups of lines of each paragraph that are one record each, by first line and end.

    Such are an entry of an address book (a name with lines below it, one of them a telephone number or an e-mail
    address, and most of that kind or labelled as in other entries), and lines that repeat the labels of others, as
    ``Name: …`` and ``Room: …`` for each guest, in paragraphs of their own or in one. Three or more neighbouring
    paragraphs of equally many short lines are entries, too.

    Args:
        text: The text.
        paragraphs: Start and end of each line, by paragraph.
    """
    contents = [[text[start:end] for start, end in lines] if _is_short(lines) else [] for lines in paragraphs]
    labels = [[label_of(line) if _VALUE.match(line) else None for line in lines] for lines in contents]
    openings = Counter(it[0] for it in labels if _are_labelled(it))
    uses = Counter(label for it in labels for label in set(it) if label)
    entries = _entries(contents)
    found: dict[int, list[tuple[int, int]]] = {}
    for number, (lines, own) in enumerate(zip(contents, labels, strict=True)):
        if len(lines) < 2 or _are_sentences(lines) or any(map(stands_alone, lines)):
            continue
        repeated = _are_labelled(own) and openings[own[0]] > 1
        if groups := list(_groups(own)):
            found[number] = groups
        elif len(lines) <= _MOST_LINES and (number in entries or repeated or _is_contact(lines, own, uses)):
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


def _is_contact(lines: Sequence[str], labels: Sequence[str | None], uses: Mapping[str, int]) -> bool:
    """Return whether a name and how to reach whom it names stand in the lines, once, and little else.

    Args:
        lines: The lines.
        labels: Their labels.
        uses: How many paragraphs have each label.
    """
    name = lines[0].strip()
    named = not labels[0] and not name[0].islower() and len(name.split()) <= _MOST_NAME_WORDS and "@" not in name
    if not named and not _NAME_LABEL.fullmatch(labels[0] or ""):
        return False
    mails = [number for number, line in enumerate(lines) if _MAIL.search(line)]
    reached = bool(mails) or any(_PHONE.match(line) for line in lines[1:])
    if not reached or any(_ENDED.search(line) for line in lines) or any(b - a > 1 for a, b in pairwise(mails)):
        return False
    rest = list(zip(lines, labels, strict=True))[1:]
    fitting = sum(_is_of_contact(line, label) or uses[label or ""] > 1 for line, label in rest)
    return fitting >= _REACHING * len(rest)


def _is_of_contact(line: str, label: str | None) -> bool:
    return not label or bool(_PLACE_LABEL.fullmatch(label) or _PHONE.match(line) or _MAIL.search(line))


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
