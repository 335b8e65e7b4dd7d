"""The commands and environments of LaTeX that are known: what they print, and what their arguments are for."""

from collections.abc import Mapping, Sequence

HEADINGS = frozenset((
    "title", "part", "chapter", "section", "subsection", "subsubsection", "paragraph", "subparagraph",
))  # fmt: skip

VERBATIM = ("verbatim", "lstlisting", "comment")

TABLES: Mapping[str, Sequence[str]] = {
    "tabular": ("drop",), "longtable": ("drop",), "tabularx": ("drop", "drop"), "tabulary": ("drop", "drop"),
}  # fmt: skip
"""Environments that are tables, and their arguments."""

_ONE_DROPPED = (
    "label", "ref", "eqref", "pageref", "autoref", "cref", "cite", "citep", "citet", "nocite", "index", "vspace",
    "hspace", "def",
    "includegraphics", "bibliographystyle", "bibliography", "input", "include", "usepackage", "documentclass",
    "pagestyle",
    "thispagestyle", "phantom", "hyphenation", "vskip", "hskip", "pagenumbering", "lhead", "rhead", "chead",
    "lfoot", "rfoot",
    "cfoot",
)  # fmt: skip
_TWO_DROPPED = ("newcommand", "renewcommand", "setlength", "addtolength", "setcounter", "addtocounter", "definecolor")

ARGUMENTS: Mapping[str, Sequence[str]] = {
    **dict.fromkeys(_ONE_DROPPED, ("drop",)), **dict.fromkeys(_TWO_DROPPED, ("drop", "drop")),
    "href": ("drop", "text"), "hypertarget": ("drop", "text"), "hyperlink": ("drop", "text"),
    "textcolor": ("drop", "text"), "colorbox": ("drop", "text"), "footnote": ("note",),
    "multicolumn": ("drop", "drop", "text"), "multirow": ("drop", "drop", "text"), "color": ("drop",),
    "newenvironment": ("drop", "drop", "drop"), "parbox": ("drop", "text"), "raisebox": ("drop", "text"),
}  # fmt: skip
"""What the arguments of commands are for; those of others are text."""

SYMBOLS: Mapping[str, str] = {
    **{it: it for it in "&%$#_{}"}, **dict.fromkeys(",;: \n", " "),
}  # fmt: skip
"""What a backslash and a sign print; others print nothing."""

WORDS: Mapping[str, str] = {
    "ldots": "…", "dots": "…", "textbackslash": "\\", "ss": "ß", "ae": "æ", "oe": "œ", "o": "ø", "aa": "å", "l": "ł",
    "AE": "Æ", "OE": "Œ", "O": "Ø", "AA": "Å", "L": "Ł", "S": "§", "euro": "€", "texteuro": "€", "pounds": "£",
    "copyright": "©", "times": "×", "cdot": "·", "pm": "±", "leq": "≤", "le": "≤", "geq": "≥", "ge": "≥", "neq": "≠",
    "approx": "≈", "degree": "°", "textdegree": "°", "newline": " ", "quad": " ", "qquad": " ", "LaTeX": "LaTeX",
    "TeX": "TeX", "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "lambda": "λ", "mu": "μ", "pi": "π",
    "sigma": "σ", "omega": "ω", "textendash": "–", "textemdash": "—", "rightarrow": "→", "to": "→", "infty": "∞",
}  # fmt: skip

ACCENTS: Mapping[str, str] = {
    '"': "\u0308", "'": "\u0301", "`": "\u0300", "^": "\u0302", "~": "\u0303", "=": "\u0304", ".": "\u0307",
    "c": "\u0327", "v": "\u030c", "H": "\u030b", "r": "\u030a", "u": "\u0306",
}  # fmt: skip
"""Combining characters of the commands for accents."""
