"""What a PDF page draws: texts with their colour and mode, lines, filled areas, pictures."""

import ctypes
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memorag_graph.documents.pdf.fast_calls import address_of, fast_call, page_object

Matrix = tuple[float, float, float, float, float, float]
Box = tuple[float, float, float, float]
"""Left, top, right and bottom in the page's coordinates (upwards)."""

Colour = tuple[int, ...]
"""Red, green, blue and, unless it is that of an area, opacity: 0 to 255."""

_BLACK: Colour = (0, 0, 0, 255)
_IDENTITY: Matrix = (1, 0, 0, 1, 0, 0)
MOST_OBJECTS = 200_000
"""Maximum objects of a page that are looked at."""

_DEEPEST = 8
_THIN = 2.0
"""Points; what is narrower is a line."""

_TEXT, _PATH, _IMAGE, _FORM = 1, 2, 3, 5
_STROKE_MODES = (1, 2, 5, 6)


@dataclass(slots=True)
class Area:
    """A filled path or a picture: its box, colour (None for pictures), and its place in the order of drawing."""

    box: Box
    colour: Colour | None
    order: int


@dataclass(slots=True)
class TextObject:
    """A piece of text: address of PDFium's object, how and when it is painted, the matrix to the page's coordinates."""

    address: int
    mode: int
    colour: Colour
    order: int
    matrix: Matrix


@dataclass(slots=True)
class PageObjects:
    """The objects of a page.

    Attributes:
        texts: Pieces of text.
        areas: Filled areas that are no lines, and pictures.
        lines: Boxes of thin lines and of the edges of drawn rectangles.
        paths: Number of paths.
    """

    texts: list[TextObject] = field(default_factory=list)
    areas: list[Area] = field(default_factory=list)
    lines: list[Box] = field(default_factory=list)
    paths: int = 0

    @property
    def images(self) -> list[Box]:
        """Boxes of the pictures."""
        return [area.box for area in self.areas if area.colour is None]


def read_objects(page: Any) -> PageObjects:  # noqa: ANN401 - the library is untyped
    """Read the objects of a page, with those of the forms in it."""
    found = PageObjects()
    mode_of, colour_of = fast_call("FPDFTextObj_GetTextRenderMode"), _ColourReader()
    for order, (address, kind, matrix) in enumerate(_walk(page)):
        if order >= MOST_OBJECTS:
            break
        if kind == _TEXT:
            mode = mode_of(address)
            found.texts.append(TextObject(address, mode, colour_of(address, mode in _STROKE_MODES), order, matrix))
        elif kind == _IMAGE:
            if (box := bounds(page_object(address), matrix)) is not None:
                found.areas.append(Area(box, None, order))
        elif kind == _PATH:
            found.paths += 1
            _add_path(found, page_object(address), matrix, order)
    return found


def _walk(page: Any) -> Iterator[tuple[int, int, Matrix]]:  # noqa: ANN401
    """Yield objects with their kind and the matrix from their coordinates to the page's, in the order of drawing."""
    from pypdfium2 import raw

    kind_of = fast_call("FPDFPageObj_GetType")
    get, get_in_form = fast_call("FPDFPage_GetObject"), fast_call("FPDFFormObj_GetObject")
    holder = address_of(page)
    stack = [(iter(range(max(0, raw.FPDFPage_CountObjects(page)))), holder, get, _IDENTITY)]
    while stack:
        places, holder, getter, matrix = stack[-1]
        for at in places:
            address = getter(holder, at)
            kind = kind_of(address)
            yield address, kind, matrix
            if kind == _FORM and len(stack) < _DEEPEST:
                form = page_object(address)
                inside = range(max(0, raw.FPDFFormObj_CountObjects(form)))
                stack.append((iter(inside), address, get_in_form, _product(matrix_of(form), matrix)))
                break
        else:
            stack.pop()


def matrix_of(handle: Any) -> Matrix:  # noqa: ANN401
    """Return the matrix of an object."""
    from pypdfium2 import raw

    matrix = raw.FS_MATRIX()
    if not raw.FPDFPageObj_GetMatrix(handle, matrix):
        return _IDENTITY
    return matrix.a, matrix.b, matrix.c, matrix.d, matrix.e, matrix.f


def _product(first: Matrix, then: Matrix) -> Matrix:
    a, b, c, d, e, f = first
    p, q, r, s, t, u = then
    return a * p + b * r, a * q + b * s, c * p + d * r, c * q + d * s, e * p + f * r + t, e * q + f * s + u


def bounds(handle: Any, matrix: Matrix = _IDENTITY) -> Box | None:  # noqa: ANN401
    """Return the box of an object in the page's coordinates."""
    from pypdfium2 import raw

    left, bottom, right, top = (ctypes.c_float() for _ in range(4))
    if not raw.FPDFPageObj_GetBounds(handle, left, bottom, right, top):
        return None
    corners = [(x, y) for x in (left.value, right.value) for y in (bottom.value, top.value)]
    a, b, c, d, e, f = matrix
    xs, ys = [a * x + c * y + e for x, y in corners], [b * x + d * y + f for x, y in corners]
    return min(xs), max(ys), max(xs), min(ys)


class _ColourReader:
    """Reads the colours of objects."""

    def __init__(self) -> None:
        self._buffer = ctypes.create_string_buffer(16)
        self._known: dict[bytes, Colour] = {}
        self._places = tuple(ctypes.addressof(self._buffer) + 4 * at for at in range(4))
        self._fill, self._stroke = fast_call("FPDFPageObj_GetFillColor"), fast_call("FPDFPageObj_GetStrokeColor")

    def __call__(self, address: int, of_stroke: bool) -> Colour:
        """Return red, green, blue and opacity of an object, 0 to 255."""
        red, green, blue, opacity = self._places
        if not (self._stroke if of_stroke else self._fill)(address, red, green, blue, opacity):
            return _BLACK
        found = self._buffer.raw
        if found not in self._known:
            self._known[found] = struct.unpack("4I", found)
        return self._known[found]


def _add_path(found: PageObjects, handle: Any, matrix: Matrix, order: int) -> None:  # noqa: ANN401
    from pypdfium2 import raw

    box = bounds(handle, matrix)
    if box is None:
        return
    fill, stroked = ctypes.c_int(), ctypes.c_int()
    raw.FPDFPath_GetDrawMode(handle, fill, stroked)
    left, top, right, bottom = box
    if min(right - left, top - bottom) <= _THIN:
        if fill.value or stroked.value:
            found.lines.append(box)
        return
    if fill.value:
        colour = _ColourReader()(address_of(handle), of_stroke=False)
        found.areas.append(Area(box, colour[:3], order))
    if stroked.value or fill.value:
        found.lines += _straight_edges(handle, matrix, drawn=bool(stroked.value), box=box)


def _straight_edges(handle: Any, matrix: Matrix, drawn: bool, box: Box) -> list[Box]:  # noqa: ANN401
    """Return the level and upright edges of a path; of an area without a drawn outline, the edges of its box."""
    from pypdfium2 import raw

    left, top, right, bottom = box
    count = raw.FPDFPath_CountSegments(handle)
    if not drawn:
        return [(left, top, right, top), (left, bottom, right, bottom), (left, top, left, bottom),
                (right, top, right, bottom)] if count <= 6 else []  # fmt: skip
    points: list[tuple[float, float]] = []
    edges: list[Box] = []
    x, y = ctypes.c_float(), ctypes.c_float()
    p, q, r, s, t, u = _product(matrix_of(handle), matrix)
    for at in range(min(count, 400)):
        segment = raw.FPDFPath_GetPathSegment(handle, at)
        raw.FPDFPathSegment_GetPoint(segment, x, y)
        point = (p * x.value + r * y.value + t, q * x.value + s * y.value + u)
        kind = raw.FPDFPathSegment_GetType(segment)
        if kind == raw.FPDF_SEGMENT_MOVETO:
            points = [point]
        elif kind == raw.FPDF_SEGMENT_LINETO and points:
            edges += _edge(points[-1], point)
            points.append(point)
        if raw.FPDFPathSegment_GetClose(segment) and points:
            edges += _edge(point, points[0])
    return edges


def _edge(start: tuple[float, float], end: tuple[float, float]) -> list[Box]:
    left, right, bottom, top = *sorted((start[0], end[0])), *sorted((start[1], end[1]))
    return [(left, top, right, bottom)] if min(right - left, top - bottom) <= _THIN else []


def as_boxes(boxes: list[Box]) -> NDArray[np.float32]:
    """Return boxes as an array of four columns."""
    return np.array(boxes, np.float32).reshape(-1, 4)
