"""Find cells of a table that stand so close to the ones before that they look like one word."""

import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memorag_graph.documents.pdf.fast_calls import address_of, fast_call
from memorag_graph.documents.pdf.words import CELL_GAP, Indices, Words

_FEWEST = 2
"""Other rows that have a cell at the same place, at least."""

_MOST_DRAWN = 0.4
"""Letters of a word that are drawn anew, at most; some programs draw each letter alone."""

_SAME_PLACE = 0.4
_ROUNDING = 0.5
"""Points."""


def glued_cells(words: Words, text_page: Any) -> Indices:  # noqa: ANN401 - the library is untyped
    """Return the characters within words that begin cells: other rows have cells there, and the file draws it anew.

    Only files that draw the spaces between words show where cells begin.
    """
    starts, ends = _edges_of_cells(words)
    if not len(starts) + len(ends):
        return np.zeros(0, np.intp)
    owner, handle = fast_call("FPDFText_GetTextObject"), address_of(text_page)
    found: list[int] = []
    for word in np.flatnonzero(_crosses(words, starts) | _crosses(words, ends)).tolist():
        start, end = int(words.starts[word]), int(words.ends[word])
        letters = words.characters.boxes[start:end]
        apart = (letters[1:, 0] >= letters[:-1, 2]) | _turns(words.characters.text[start:end])
        near = _is_near(letters[1:, 0], starts) | _is_near(letters[:-1, 2], ends)
        if not (apart & near).any():
            continue
        owners = [owner(handle, at) for at in range(start, end)]
        anew = [at for at in range(1, len(owners)) if owners[at] != owners[at - 1]]
        if len(anew) <= _MOST_DRAWN * len(owners):
            found += [start + at for at in anew if apart[at - 1] and near[at - 1]]
    return np.array(found, np.intp)


def _crosses(words: Words, places: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return whether each word covers one of the places, which are in order."""
    if not len(places):
        return np.zeros(len(words), bool)
    at = np.minimum(np.searchsorted(places, words.boxes[:, 0] + 1), len(places) - 1)
    crossing: NDArray[np.bool_] = (places[at] > words.boxes[:, 0] + 1) & (places[at] < words.boxes[:, 2] - 1)
    return crossing


def _is_near(edges: NDArray[np.float32], places: NDArray[np.float32]) -> NDArray[np.bool_]:
    near: NDArray[np.bool_] = (np.abs(edges[:, None] - places[None, :]) < _SAME_PLACE).any(axis=1)
    return near


def _turns(word: str) -> NDArray[np.bool_]:
    """Return whether each letter but the first can only begin a word: a capital or a digit after a small letter."""
    pairs = itertools.pairwise(word)
    return np.array([one.islower() and (it.isupper() or it.isdigit()) for one, it in pairs], bool)


def _edges_of_cells(words: Words) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the left edges that cells of several rows have behind a gap, in order; and the right ones before one."""
    if not words.draws_spaces or len(words) < _FEWEST:
        return np.zeros(0, np.float32), np.zeros(0, np.float32)
    ordered = np.lexsort((words.boxes[:, 0], words.rows))
    sizes = words.heights()[ordered]
    before, after = words.boxes[ordered[:-1]], words.boxes[ordered[1:]]
    parted = (
        (words.rows[ordered[1:]] == words.rows[ordered[:-1]])
        & (after[:, 0] - before[:, 2] > CELL_GAP * sizes[1:])
        & ~words.is_spaced(ordered[:-1], ordered[1:])
    )
    return _repeated(after[parted, 0]), _repeated(before[parted, 2])


def _repeated(edges: NDArray[np.float32]) -> NDArray[np.float32]:
    places, counts = np.unique(np.round(edges / _ROUNDING) * _ROUNDING, return_counts=True)
    return places[counts >= _FEWEST].astype(np.float32)
