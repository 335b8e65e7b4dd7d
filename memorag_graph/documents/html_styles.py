"""Find what the style sheets and attributes of a page say of its elements, as far as it decides what can be seen."""

import re
from collections.abc import Iterator
from typing import Any

from memorag_graph.documents.css_values import COLOURS, hides
from memorag_graph.documents.html_selectors import NAME, Selectors

_BRACE = re.compile(r"([{}])")
_MOST_STYLES = 1 << 20
"""Characters of style sheets that are read."""

_LONGEST_STYLE = 2000
_PRINT = re.compile(r"@media\s+print\b", re.IGNORECASE)
_EVERYWHERE = re.compile(r"@(?:media\s+(?:all|screen)\s*$|supports|layer|container)", re.IGNORECASE)
_SIZES = ("height", "width", "overflow")
_PROPERTIES = frozenset((
    *("display", "visibility", "opacity", "left", "right", "top", "text-indent", "margin-left", "margin-top", "clip"),
    *("clip-path", "transform", "mso-hide", "font-size", "font", "position", "text-shadow", "background-clip"),
    *("-webkit-background-clip", *COLOURS, *_SIZES),
))  # fmt: skip

Weight = tuple[bool, tuple[int, ...], int]
"""What decides between rules: importance, specificity, order."""

_INLINE = (1 << 20,)
"""Specificity of an inline style, above that of any selector."""

UNKNOWN = "?"
"""A value that differs between screens."""


class Styles:
    """What a page says of its elements.

    Attributes:
        is_white: Whether the page is white where nothing gives it another background: no style sheet is in another
            file, all rules that colour backgrounds are understood, and the page has no dark form.
    """

    def __init__(self, tree: Any) -> None:  # noqa: ANN401 - the library's elements are untyped
        linked = any("stylesheet" in (it.get("rel") or "").lower() for it in tree.iter("link"))
        schemes = [it.get("content") or "" for it in tree.iter("meta") if it.get("name") == "color-scheme"]
        self.is_white = not linked and not any("dark" in it for it in schemes)
        self._states: dict[Any, dict[str, tuple[Weight, str]]] = {}
        self._read_sheets(tree)

    def of(self, element: Any) -> dict[str, str]:  # noqa: ANN401
        """Return the values of the properties that an element has itself."""
        states = dict(self._states.get(element, {}))
        if style := element.get("style"):
            for order, (name, value, important) in enumerate(_declared(style[:_LONGEST_STYLE])):
                _note(states, name, (important, _INLINE, order), value)
        return {name: value for name, (_, value) in states.items()}

    def _read_sheets(self, tree: Any) -> None:  # noqa: ANN401
        """Read the style sheets; rules are left out after so many comparisons as take some seconds."""
        sheets = "\n".join(_without_comments(style.text_content()) for style in tree.iter("style"))[:_MOST_STYLES]
        if "@import" in sheets:
            self.is_white = False
        if "{" not in sheets:
            return
        selectors = Selectors(tree, set(NAME.findall(sheets)))
        found: dict[str, list[tuple[tuple[int, ...], Any]]] = {}
        for order, (selector, name, value, important) in enumerate(_rules(sheets)):
            if selector not in found:
                found[selector] = selectors.selected(selector)
            if not selectors.spend(1 + len(found[selector])):
                self.is_white = False
                break
            if not found[selector] and name.startswith("background") and not selectors.understands(selector):
                self.is_white = False
            for specificity, element in found[selector]:
                _note(self._states.setdefault(element, {}), name, (important, specificity, order), value)


def _note(states: dict[str, tuple[Weight, str]], name: str, weight: Weight, value: str) -> None:
    if name not in states or states[name][0] <= weight:
        states[name] = (weight, value)


def _declared(style: str) -> Iterator[tuple[str, str, bool]]:
    """Yield property, value, and whether it is important, for the declarations that decide what can be seen."""
    for declaration in style.lower().split(";"):
        name, _, written = (it.strip() for it in declaration.partition(":"))
        if name in _PROPERTIES:
            yield name, written.replace("!important", "").strip(), "!important" in written


def _without_comments(sheet: str) -> str:
    kept = []
    place = 0
    while (begin := sheet.find("/*", place)) >= 0:
        kept.append(sheet[place:begin])
        end = sheet.find("*/", begin + 2)
        place = end + 2 if end >= 0 else len(sheet)  # one that is not closed goes on to the end
    kept.append(sheet[place:])
    return " ".join(kept).replace("<!--", " ").replace("-->", " ")


def _rules(sheet: str) -> Iterator[tuple[str, str, str, bool]]:
    """Yield selector, property, value, and whether it is important.

    In blocks for some screens only, rules that hide are left out: there is a screen that shows the text.
    """
    blocks = [(False, True)]  # of each open block of rules: whether it is for print, whether it always holds
    head: str | None = None
    pieces = _BRACE.split(sheet)
    for before, brace in zip(pieces[::2], pieces[1::2], strict=False):
        if brace == "{":
            if head is not None:
                is_print, always = blocks[-1]
                blocks.append((is_print or bool(_PRINT.match(head)), always and bool(_EVERYWHERE.match(head))))
            head = before.rpartition(";")[2].strip()
        elif head is None:
            if len(blocks) > 1:
                blocks.pop()
        else:
            is_print, always = blocks[-1]
            if not is_print and not head.startswith("@"):
                last = {(name, important): value for name, value, important in _declared(before[:_LONGEST_STYLE])}
                for (name, important), written in last.items():
                    if (value := written if always else _on_some(name, written)) is not None:
                        yield from ((selector.strip(), name, value, important) for selector in head.split(","))
            head = None


def _on_some(name: str, value: str) -> str | None:
    """Return what a declaration for some screens says of all: nothing if it hides, and no certain colour or size."""
    if name in COLOURS or name in _SIZES or name in ("font", "font-size"):
        return UNKNOWN
    return None if hides(name, value) else value
