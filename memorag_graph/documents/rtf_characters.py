"""Names in RTF: code pages, characters, and groups that hold no text of the document."""

import codecs
from collections.abc import Mapping

_CHARSETS = {
    0: 1252, 77: 10000, 128: 932, 129: 949, 130: 1361, 134: 936, 136: 950, 161: 1253, 162: 1254, 163: 1258, 177: 1255,
    178: 1256, 186: 1257, 204: 1251, 222: 874, 238: 1250, 255: 437,
}  # fmt: skip
"""Code page of each character set of a font; 1 and 2 are the default and symbols."""

_PAGES = frozenset((
    437, 720, 737, 775, 819, *range(850, 870), 874, 932, 949, 950, *range(1250, 1259),
)) - {851, 853, 854, 859, 867, 868}  # fmt: skip
"""Code pages whose codec Python calls by their number."""

_NAMES = {10000: "mac-roman", 1361: "johab", 65001: "utf-8", 10007: "mac-cyrillic", 936: "gbk"}

_DOUBLE_BYTE = ("cp932", "cp949", "cp950", "gbk", "johab")

SYMBOLS: Mapping[str, str] = {
    "tab": "\t", "line": "\n", "lbr": "\n", "emdash": "—", "endash": "–", "lquote": "‘", "rquote": "’", "bullet": "•",
    "ldblquote": "“", "rdblquote": "”", "emspace": " ", "enspace": " ", "qmspace": " ", "zwj": "\u200d",
    "zwnj": "\u200c", "nestcell": " ", "nestrow": " ",
}  # fmt: skip
"""Control words that stand for characters."""

_SKIPPED = (
    "annotation", "atnauthor", "atndate", "atnicn", "atnid", "atnparent", "atnref", "atntime", "atrfend", "atrfstart",
    "author", "background", "bkmkend", "bkmkstart", "blipuid", "category", "comment", "company",
    "creatim", "datastore", "docvar", "do", "fldinst", "filetbl", "fontemb", "footer", "footerf", "footerl",
    "footerr", "formfield", "ftncn", "ftnsep", "ftnsepc", "generator", "header", "headerf", "headerl", "headerr",
    "info", "keywords", "latentstyles", "levelnumbers", "leveltext", "listlevel", "listname", "listoverridetable",
    "listpicture", "liststylename", "listtable", "mmathPr", "nextfile", "nonesttables", "nonshppict", "objalias",
    "objclass", "objdata", "objname", "objsect", "operator", "passwordhash", "pgptbl", "pict", "pn", "pnseclvl",
    "private", "protusertbl", "revtbl", "revtim", "rsidtbl", "rxe", "shpinst", "sn", "sp", "subject", "sv", "tc",
    "template", "themedata", "colorschememapping", "title", "txe", "userprops", "wgrffmtfilter", "xe", "xmlnstbl",
)  # fmt: skip

DESTINATIONS: Mapping[str, tuple[bool, str]] = {
    **dict.fromkeys(_SKIPPED, (False, "")),
    "fonttbl": (True, "font"), "colortbl": (True, "colour"), "stylesheet": (True, "style"),
    "footnote": (True, "footnote"),
    "shptxt": (True, ""), "shppict": (True, ""), "listtext": (True, "label"), "pntext": (True, "label"),
}  # fmt: skip
"""Control words that begin a group of its own: whether its text is read, and what for."""


def code_page(number: int = 0, charset: int | None = None) -> str:
    """Return the name of Python's codec for a code page, or for the character set of a font; empty if it has none."""
    if charset is not None:
        if charset not in _CHARSETS:
            return ""
        number = _CHARSETS[charset]
    return f"cp{number}" if number in _PAGES else _NAMES.get(number, "cp1252")


def lacks_byte(data: bytes, page: str) -> bool:
    """Return whether bytes end within a character: in East Asian code pages, its second byte may be an ASCII letter."""
    if page not in _DOUBLE_BYTE:
        return False
    decoder = codecs.getincrementaldecoder(page)("replace")
    decoder.decode(data)
    return bool(decoder.getstate()[0])


def decoded(data: bytes, page: str) -> str:
    """Return the text of bytes; what does not fit becomes U+FFFD."""
    return data.decode(page, "replace")
