"""Read subtitles (SubRip, WebVTT): a line for each speaker's turn, or for each sentence or two; times are labels."""

import html
import re
from collections.abc import Iterator
from itertools import takewhile
from typing import NamedTuple

from memorag_graph.documents.document import Document
from memorag_graph.documents.document_builder import Builder
from memorag_graph.documents.file import File
from memorag_graph.documents.plain_text import read_text

_TIME = r"(?:(\d{1,3}):)?([0-5]?\d):([0-5]?\d)[.,](\d{1,3})"
_CUE = re.compile(rf"{_TIME}[ \t]*-->[ \t]*{_TIME}[^\n]*")
_FIRST_CUE = re.compile(rf"\s*(?:\d+[ \t]*\r?\n)?[ \t]*{_TIME}[ \t]*-->[ \t]*{_TIME}".encode())
_TAG = re.compile(r"<[^<>\n]{0,200}>|\{\\[^{}\n]{0,200}\}")
_VOICE = re.compile(r"<v(?:\.[^\s>]{0,80})?[ \t]+([^<>\n]{1,80})>")
_SPEAKER = re.compile(r"(?:[-–—][ \t]*)?(?:>>+[ \t]*)?([^\W\d_][\w.’' \-()&/]{0,48}?)[ \t]?:(?:[ \t]+|$)")
_DASH = re.compile(r"[-–—][ \t]*(?=\S)|>>+[ \t]*")
_END = re.compile(r"[.!?…。！？؟।]+[\"'”’»)\]]*$")
_LONG_PAUSE = 2.0
"""Seconds of silence after which a sentence of an unnamed speaker begins a new line."""

_END_OF_TURN = 15.0
"""Seconds of silence after which a turn is over, whoever goes on."""

_LONGEST_TURN = 600
"""Characters after which a turn is continued on another line, at the next end of a sentence."""

_LONGEST_SENTENCES = 160
_MOST_REPEATED = 10
"""Lines that captions repeat from the ones before, at most."""

_SECONDS_PER_HOUR, _SECONDS_PER_MINUTE = 3600, 60
_MOST_WORDS_OF_A_NAME = 4


class _Cue(NamedTuple):
    start: float
    end: float
    lines: list[str]


def is_subtitles(file: File) -> bool:
    """Return whether a file begins as WebVTT or with a cue."""
    return file.start.startswith((b"WEBVTT\n", b"WEBVTT\r", b"WEBVTT ")) or _FIRST_CUE.match(file.start) is not None


def read_subtitles(file: File) -> Document | Builder:
    """Read the cues as spoken text, ``Speaker: text``; a file without cues is read as plain text.

    The label of a place is the time at which its cue begins: ``00:01:02``.
    """
    builder = Builder(file.name)
    turns = _Turns()
    found = False
    for cue in _without_repeats(_cues(file.text())):
        turns.add(cue)
        found = True
    if not found:
        return read_text(file)
    builder.text("\n".join(turns.lines), labels=turns.labels)
    return builder


def _cues(text: str) -> Iterator[_Cue]:
    """Yield the cues; notes, styles, cue numbers and names are left out."""
    places = list(_CUE.finditer(text))
    for number, found in enumerate(places):
        end = places[number + 1].start() if number + 1 < len(places) else len(text)
        lines = text[found.end() : end].split("\n")[1:]
        kept = list(takewhile(str.strip, lines))
        if number + 1 < len(places) and len(kept) == len(lines) - 1 and kept and kept[-1].strip().isdecimal():
            del kept[-1]  # the number of the next cue, where no blank line is before it
        hours, minutes, seconds, parts = found.groups()[:4]
        until = found.groups()[4:]
        yield _Cue(_seconds(hours, minutes, seconds, parts), _seconds(*until), list(map(str.strip, kept)))


def _seconds(hours: str | None, minutes: str, seconds: str, parts: str) -> float:
    whole = int(hours or 0) * _SECONDS_PER_HOUR + int(minutes) * _SECONDS_PER_MINUTE + int(seconds)
    return whole + float(f"0.{parts}")


def _without_repeats(cues: Iterator[_Cue]) -> Iterator[_Cue]:
    """Yield the cues without the lines that they repeat from the one before, as captions that scroll do."""
    before: list[str] = []
    for cue in cues:
        shown = [_TAG.sub("", line).strip() for line in cue.lines]
        fresh = list(cue.lines)
        for size in range(min(len(before), len(shown), _MOST_REPEATED), 0, -1):
            if shown[:size] == before[-size:]:
                fresh = fresh[size:]
                break
        before = shown or before
        if fresh:
            yield cue._replace(lines=fresh)


class _Turns:
    """Joins cues to lines: a speaker's turn, or sentences of speakers who are not named."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.labels: list[tuple[int, str]] = []
        self._speaker = ""
        self._end = 0.0
        self._length = 0

    def add(self, cue: _Cue) -> None:
        """Add the spoken texts of a cue."""
        is_over = cue.start - self._end > _END_OF_TURN
        if is_over:
            self._speaker = ""
        for number, (speaker, is_new, text) in enumerate(_spoken(cue.lines)):
            silent = number == 0 and cue.start - self._end > _LONG_PAUSE
            self._add(speaker, is_new, text, silent, _written_time(cue.start), is_over and number == 0)
        self._end = cue.end

    def _add(self, speaker: str, is_new: bool, text: str, silent: bool, time: str, is_over: bool) -> None:
        line = self.lines[-1] if self.lines else ""
        ended = _END.search(line[-10:]) is not None
        longest = _LONGEST_TURN if self._speaker else _LONGEST_SENTENCES
        new_speaker = bool(speaker) and speaker != self._speaker
        if is_new and not speaker:
            self._speaker = ""
        begins = not line or is_over or new_speaker or (is_new and not speaker)
        begins = begins or (ended and (len(line) > longest or (silent and not self._speaker)))
        begins = begins or len(line) > 2 * longest  # captions without punctuation
        self._speaker = speaker or self._speaker
        if begins:
            named = f"{self._speaker}: {text}" if self._speaker else text
            self._length += len(line) + 1 if self.lines else 0
            self.labels.append((self._length, time))
            self.lines.append(named)
        else:
            self.labels.append((self._length + len(line) + 1, time))
            self.lines[-1] = f"{line} {text}"


def _spoken(lines: list[str]) -> Iterator[tuple[str, bool, str]]:
    """Yield speaker, whether somebody begins to speak, and text, for the lines of a cue."""
    for line in lines:
        voice = _VOICE.search(line)
        text = html.unescape(_TAG.sub("", line)).replace("\n", " ").strip()
        if voice:
            speaker, begins = html.unescape(voice[1]).strip(), True
        else:
            named = _SPEAKER.match(text)
            dash = _DASH.match(text)
            speaker = named[1].strip() if named and _is_name(named[1]) else ""
            begins = bool(speaker or dash)
            text = text[named.end() :] if speaker and named else text[dash.end() :] if dash else text
        if text := " ".join(text.split()):
            yield speaker, begins, text


def _is_name(text: str) -> bool:
    """Return whether a text before a colon may name a speaker: a few words that begin with capitals."""
    words = text.split()
    cased = [word for word in words if word[0].isalpha() and word.lower() != word.upper()]
    return 0 < len(words) <= _MOST_WORDS_OF_A_NAME and all(word[0].isupper() for word in (cased[:1] + cased[-1:]))


def _written_time(seconds: float) -> str:
    whole = int(seconds)
    minutes, rest = divmod(whole % _SECONDS_PER_HOUR, _SECONDS_PER_MINUTE)
    return f"{whole // _SECONDS_PER_HOUR:02}:{minutes:02}:{rest:02}"
