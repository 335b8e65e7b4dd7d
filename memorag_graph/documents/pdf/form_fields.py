"""The values of a form's fields, as characters where the page shows them."""

import ctypes
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from memorag_graph.documents.pdf.characters import Boxes, Characters, Display

_MOST_FIELDS = 2_000
_MOST_CHARACTERS = 20_000
"""Bytes of a field's value, at most."""

_WIDGET, _HIDDEN = 20, 1 << 1
_TICKED, _EMPTY = "[x]", "[ ]"
_SIZE, _WIDTH = 12.0, 0.5
"""Font size of a value in points, at most, and the width of a letter in font sizes."""

Field = tuple[str, tuple[float, float, float, float]]


def with_fields(page: Any, form: Any, characters: Characters, display: Display) -> Characters:  # noqa: ANN401
    """Return the characters of a page with those of the values of its fields: ``Name of the ship: Merle``.

    Args:
        page: PDFium's page.
        form: PDFium's handle of the form.
        characters: The characters of the page.
        display: How the page is shown.
    """
    text, boxes = [characters.text], [characters.boxes]
    for value, place in _fields(page, form):
        place_shown = display.shown(np.array([place], np.float32))[0]
        written, where = _written(value, place_shown, characters)
        text.append(written)
        boxes.append(where)
    joined = "".join(text)
    spaces = np.array([letter.isspace() for letter in joined[len(characters.text) :]], bool)
    return replace(
        characters, text=joined, boxes=np.concatenate(boxes), spaces=np.concatenate([characters.spaces, spaces])
    )


def _written(value: str, place: Boxes, characters: Characters) -> tuple[str, Boxes]:
    """Return a value's characters and boxes, on the line of its label, if one stands before it."""
    left, top, right, bottom = (float(edge) for edge in place)
    boxes = characters.boxes
    before = np.flatnonzero(
        ~characters.spaces & (boxes[:, 2] <= left + 1) & (boxes[:, 3] > top) & (boxes[:, 1] < bottom)
    )
    letters, places = "\n", [(left, top, left, top)]
    if len(before):
        label = int(before[np.argmax(boxes[before, 2])])
        end, top, bottom = (float(boxes[label, at]) for at in (2, 1, 3))
        if characters.text[label].isalnum() or characters.text[label] in ")]'\"":
            letters, places = f"{letters}:\n", [*places, (end, top, end + 1, bottom), (left, top, left, top)]
    elif bottom - top > _SIZE:
        top = bottom - _SIZE
    width = min(_WIDTH * (bottom - top), (right - left) / max(1, len(value)))
    places += [(left + width * at, top, left + width * (at + 1), bottom) for at in range(len(value))]
    return letters + value, np.array(places, np.float32)


def _fields(page: Any, form: Any) -> Iterator[Field]:  # noqa: ANN401
    """Yield the value and the box of each field that is shown and filled."""
    from pypdfium2 import raw

    ticked = (raw.FPDF_FORMFIELD_CHECKBOX, raw.FPDF_FORMFIELD_RADIOBUTTON)
    written = (raw.FPDF_FORMFIELD_TEXTFIELD, raw.FPDF_FORMFIELD_COMBOBOX, raw.FPDF_FORMFIELD_LISTBOX)
    box = raw.FS_RECTF()
    for at in range(min(_MOST_FIELDS, raw.FPDFPage_GetAnnotCount(page))):
        field = raw.FPDFPage_GetAnnot(page, at)
        try:
            if raw.FPDFAnnot_GetSubtype(field) != _WIDGET or raw.FPDFAnnot_GetFlags(field) & _HIDDEN:
                continue
            kind = raw.FPDFAnnot_GetFormFieldType(form, field)
            value = ""
            if kind in ticked:
                value = _TICKED if raw.FPDFAnnot_IsChecked(form, field) else _EMPTY
            elif kind in written:
                value = " ".join(_text(raw.FPDFAnnot_GetFormFieldValue, form, field).split())
            if value and raw.FPDFAnnot_GetRect(field, box):
                yield value, (box.left, box.top, box.right, box.bottom)
        finally:
            raw.FPDFPage_CloseAnnot(field)


def _text(read: Callable[..., int], form: Any, field: Any) -> str:  # noqa: ANN401
    size = min(_MOST_CHARACTERS, read(form, field, None, 0))
    buffer = ctypes.create_string_buffer(size + 2)
    read(form, field, ctypes.cast(buffer, ctypes.POINTER(ctypes.c_ushort)), size)
    return buffer.raw[: max(0, size - 2)].decode("utf-16-le", "replace")
