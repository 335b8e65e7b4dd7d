"""Find characters that no reader of the page sees."""

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memorag_graph.documents.pdf.characters import Characters, Display
from memorag_graph.documents.pdf.fast_calls import address_of, fast_call, page_object
from memorag_graph.documents.pdf.page_objects import Area, Box, PageObjects, TextObject, bounds

Mask = NDArray[np.bool_]

_TINY = 1.2
"""Points; the box of a character in a 1-point font is about as high."""

_TINY_SHARE = 0.0015
"""On small pages, the same as a share of the page's height."""

_ON_PAGE = 0.5
_INVISIBLE_MODES = (3, 7)
_LIGHT = 215
_FAINT = 80
"""Opacity out of 255."""

_NEAR_COLOUR = 48
_NO_COLOUR = (-1000, -1000, -1000)
_MOST_AREAS = 300
_SEEN = 20
"""Difference out of 255 that a visible character makes to some pixel."""

_MOST_PIXELS = 4_000_000
_SCALE = 2.0
_SCANNED_SHARE = 0.5
"""Invisible text over pictures that fill so much of the page is the text of a scan."""


def visible_characters(
    page: Any,  # noqa: ANN401 - the library is untyped
    text_page: Any,  # noqa: ANN401
    characters: Characters,
    objects: PageObjects,
    display: Display,
) -> Mask:
    """Return whether each character can be seen."""
    on_page = _on_page(characters)
    if not on_page.all():
        on_page = _mostly_on_page(on_page, _owners(text_page, len(characters.text)))
    visible = on_page & ~_tiny(characters)
    unseen = {it.address for it in objects.texts if it.mode in _INVISIBLE_MODES}
    if picture_share(objects, display) >= _SCANNED_SHARE:
        unseen = set()
    areas = _Areas(objects.areas)
    doubtful = [it for it in objects.texts if it.mode not in _INVISIBLE_MODES and _is_doubtful(it, areas)]
    if not unseen and not doubtful:
        return visible
    owners = _owners(text_page, len(characters.text))
    visible &= ~np.isin(owners, np.array(sorted(unseen), np.uint64))
    if doubtful:
        in_doubt = np.isin(owners, np.array([it.address for it in doubtful], np.uint64))
        places = np.flatnonzero(in_doubt & visible)
        visible[places] = _seen(page, characters, doubtful, places)
    return visible


def picture_share(objects: PageObjects, display: Display) -> float:
    """Return the share of the page that pictures cover, at most; overlapping ones count twice."""
    area = max(1.0, (display.right - display.left) * (display.top - display.bottom))
    covered = 0.0
    for left, top, right, bottom in objects.images:
        width = min(right, display.right) - max(left, display.left)
        height = min(top, display.top) - max(bottom, display.bottom)
        covered += max(0.0, width) * max(0.0, height)
    return min(1.0, covered / area)


def _on_page(characters: Characters) -> Mask:
    boxes = characters.boxes
    x, y = (boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2
    on_page: Mask = (x >= 0) & (x <= characters.width) & (y >= 0) & (y <= characters.height)
    return on_page


def _mostly_on_page(on_page: Mask, owners: NDArray[np.uint64]) -> Mask:
    """Return whether each character belongs to a text of which most is on the page; a long line may run off it."""
    _, names = np.unique(owners, return_inverse=True)
    shares = np.bincount(names, on_page) / np.bincount(names)
    mostly: Mask = shares[names] >= _ON_PAGE
    return mostly & (owners > 0) | on_page


def _tiny(characters: Characters) -> Mask:
    boxes = characters.boxes
    extent = np.maximum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
    tiny: Mask = (extent > 0) & (extent < min(_TINY, _TINY_SHARE * characters.height))
    return tiny


def _owners(text_page: Any, count: int) -> NDArray[np.uint64]:  # noqa: ANN401
    """Return the address of the object of each character."""
    read, handle = fast_call("FPDFText_GetTextObject"), address_of(text_page)
    return np.array([read(handle, at) or 0 for at in range(count)], np.uint64)


class _Areas:
    """The largest filled areas and pictures of a page."""

    def __init__(self, areas: Sequence[Area]) -> None:
        largest = sorted(areas, key=lambda it: (it.box[2] - it.box[0]) * (it.box[1] - it.box[3]))[-_MOST_AREAS:]
        self._boxes = np.array([it.box for it in largest]).reshape(-1, 4)
        self._orders = np.array([it.order for it in largest])
        self._colours = np.array([it.colour or _NO_COLOUR for it in largest]).reshape(-1, 3)

    def may_hide(self, text: TextObject) -> bool:
        """Return whether one of them is drawn over a text, or lies under it in a similar colour."""
        box = bounds(page_object(text.address), text.matrix) if len(self._orders) else None
        if box is None:
            return False
        left, top, right, bottom = self._boxes.T
        overlaps = (left < box[2]) & (box[0] < right) & (bottom < box[1]) & (box[3] < top)
        alike = np.abs(self._colours - np.array(text.colour[:3])).max(axis=1) < _NEAR_COLOUR
        return bool((overlaps & (alike | (self._orders > text.order))).any())


def _is_doubtful(text: TextObject, areas: _Areas) -> bool:
    """Return whether a text may not be seen: it is light, nearly transparent, cut off, or under an area."""
    red, green, blue, opacity = text.colour
    return min(red, green, blue) >= _LIGHT or opacity <= _FAINT or areas.may_hide(text) or _is_clipped(text)


def _is_clipped(text: TextObject) -> bool:
    """Return whether a clipping path leaves out more than half of a text."""
    path_of, count = fast_call("FPDFPageObj_GetClipPath"), fast_call("FPDFClipPath_CountPaths")
    address = path_of(text.address)
    paths = count(address) if address else 0
    if paths <= 0:
        return False
    from pypdfium2 import raw

    clip, box = ctypes.cast(address, raw.FPDF_CLIPPATH), bounds(page_object(text.address))
    if box is None:
        return False
    x, y = ctypes.c_float(), ctypes.c_float()
    for path in range(min(paths, 4)):
        xs, ys = [], []
        for at in range(min(raw.FPDFClipPath_CountPathSegments(clip, path), 16)):
            raw.FPDFPathSegment_GetPoint(raw.FPDFClipPath_GetPathSegment(clip, path, at), x, y)
            xs.append(x.value)
            ys.append(y.value)
        if xs and _outside(box, (min(xs), max(ys), max(xs), min(ys))):
            return True
    return False


def _outside(box: Box, clip: Box) -> bool:
    width = min(box[2], clip[2]) - max(box[0], clip[0])
    height = min(box[1], clip[1]) - max(box[3], clip[3])
    return width < (box[2] - box[0]) / 2 or height < (box[1] - box[3]) / 2


def _seen(page: Any, characters: Characters, doubtful: Sequence[TextObject], places: NDArray[np.intp]) -> Mask:  # noqa: ANN401
    """Draw the page with and without texts; return whether each of their characters makes a difference."""
    from pypdfium2 import raw

    scale = min(_SCALE, (_MOST_PIXELS / max(1.0, characters.width * characters.height)) ** 0.5)
    shown = _pixels(page, scale)
    for text in doubtful:
        raw.FPDFPageObj_SetIsActive(page_object(text.address), False)
    try:
        without = _pixels(page, scale)
    finally:
        for text in doubtful:
            raw.FPDFPageObj_SetIsActive(page_object(text.address), True)
    changed = (np.abs(shown.astype(np.int16) - without.astype(np.int16)).max(axis=2) > _SEEN).astype(np.int32)
    sums = np.pad(changed.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    boxes = characters.boxes[places] * scale
    height, width = changed.shape
    left, top = (np.floor(boxes[:, at]).clip(0, limit).astype(int) for at, limit in ((0, width), (1, height)))
    right, bottom = (np.ceil(boxes[:, at]).clip(0, limit).astype(int) for at, limit in ((2, width), (3, height)))
    seen: Mask = sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left] > 0
    return seen


def _pixels(page: Any, scale: float) -> NDArray[np.uint8]:  # noqa: ANN401
    bitmap = page.render(scale=scale, may_draw_forms=False, draw_annots=False)
    try:
        pixels: NDArray[np.uint8] = bitmap.to_numpy()[:, :, :3].copy()
        return pixels
    finally:
        bitmap.close()
