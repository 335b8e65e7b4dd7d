"""PDFium's functions that are called for each character, object or tag, without the library's conversions.

They take and return addresses as plain numbers, which takes less than half the time.
"""

import ctypes
from collections.abc import Callable
from functools import cache
from typing import Any

_Call = Callable[..., int]
_ADDRESS, _INT = ctypes.c_void_p, ctypes.c_int

_SIGNATURES: dict[str, tuple[Any, ...]] = {
    "FPDFText_GetLooseCharBox": (_INT, _ADDRESS, _INT, _ADDRESS),
    "FPDFText_GetTextObject": (_ADDRESS, _ADDRESS, _INT),
    "FPDFPage_GetObject": (_ADDRESS, _ADDRESS, _INT),
    "FPDFFormObj_GetObject": (_ADDRESS, _ADDRESS, ctypes.c_ulong),
    "FPDFPageObj_GetType": (_INT, _ADDRESS),
    "FPDFTextObj_GetTextRenderMode": (_INT, _ADDRESS),
    "FPDFPageObj_GetFillColor": (_INT, _ADDRESS, _ADDRESS, _ADDRESS, _ADDRESS, _ADDRESS),
    "FPDFPageObj_GetStrokeColor": (_INT, _ADDRESS, _ADDRESS, _ADDRESS, _ADDRESS, _ADDRESS),
    "FPDFPageObj_GetClipPath": (_ADDRESS, _ADDRESS),
    "FPDFClipPath_CountPaths": (_INT, _ADDRESS),
    "FPDF_StructElement_CountChildren": (_INT, _ADDRESS),
    "FPDF_StructElement_GetChildAtIndex": (_ADDRESS, _ADDRESS, _INT),
    "FPDF_StructElement_GetChildMarkedContentID": (_INT, _ADDRESS, _INT),
    "FPDF_StructElement_GetType": (ctypes.c_ulong, _ADDRESS, _ADDRESS, ctypes.c_ulong),
    "FPDF_StructElement_GetAttributeCount": (_INT, _ADDRESS),
    "FPDF_StructElement_GetAttributeAtIndex": (_ADDRESS, _ADDRESS, _INT),
    "FPDF_StructElement_Attr_GetValue": (_ADDRESS, _ADDRESS, ctypes.c_char_p),
    "FPDF_StructElement_Attr_GetNumberValue": (_INT, _ADDRESS, _ADDRESS),
}


@cache
def fast_call(name: str) -> _Call:
    """Return one of PDFium's functions by its name."""
    from pypdfium2 import raw

    address = ctypes.cast(getattr(raw, name), ctypes.c_void_p).value
    prototype = ctypes.CFUNCTYPE(*_SIGNATURES[name])
    return prototype(address or 0)


def address_of(handle: Any) -> int:  # noqa: ANN401 - the library is untyped
    """Return the address of an object of the library."""
    return ctypes.cast(getattr(handle, "raw", handle), ctypes.c_void_p).value or 0


def page_object(address: int) -> Any:  # noqa: ANN401
    """Return the object of a page at an address, as the library's other functions take it."""
    from pypdfium2 import raw

    return ctypes.cast(address, raw.FPDF_PAGEOBJECT)
