"""Remove what a page hides from its readers: by attributes, inline styles and the rules of its style sheets."""

import re
from collections.abc import Iterator
from typing import Any

from memorag_graph.documents.html_selectors import NAME, Selectors

_NOT_SHOWN = ("script", "style", "template", "noscript", "object", "datalist", "title", "meta", "link")
"""Elements whose text no browser shows."""

_BRACE = re.compile(r"([{}])")
_ZERO = re.compile(r"[-+]?(?:0+(?:\.0*)?|\.0+)(?:px|pt|em|rem|ex|ch|%|vw|vh|cm|mm|in|pc)?")
_FAR = re.compile(r"-\d{4,}(?:px|pt)?|-\d{3,}r?em")
"""A place so far outside that no screen shows it."""

_MOST_STYLES = 1 << 20
"""Characters of style sheets that are read."""

_LONGEST_STYLE = 2000
_PRINT = re.compile(r"@media\s+print\b", re.IGNORECASE)
_EVERYWHERE = re.compile(r"@(?:media\s+(?:all|screen)\s*$|supports|layer|container)", re.IGNORECASE)

Weight = tuple[bool, tuple[int, ...], int]
"""What decides between rules: importance, specificity, order."""

_INLINE = (1 << 20,)
"""Specificity of an inline style, above that of any selector."""


def remove_deleted(tree: Any) -> bool:  # noqa: ANN401 - the library's elements are untyped
    """Remove text that a page marks as deleted; return whether there was any."""
    deleted = [it for it in tree.iter("del") if it.getparent() is not None]
    for element in deleted:
        _drop(element)
    return bool(deleted)


def remove_hidden(tree: Any) -> bool:  # noqa: ANN401 - the library's elements are untyped
    """Remove hidden elements and those that are never shown.

    Returns:
        Whether hidden text was removed.
    """
    hidden = _hidden_elements(tree)
    found = False
    for element in hidden:
        found = found or bool(element.text_content().strip())
        _drop(element)
    for element in list(tree.iter(*_NOT_SHOWN)):
        _drop(element)
    return found


def _drop(element: Any) -> None:  # noqa: ANN401
    """Remove an element; the text after it stays."""
    if element.getparent() is not None:
        element.drop_tree()


def _hidden_elements(tree: Any) -> list[Any]:  # noqa: ANN401
    """Return the outermost hidden elements."""
    states = _sheet_states(tree)
    hidden: list[Any] = []
    waiting = [tree]
    while waiting:
        element = waiting.pop()
        if _is_hidden(element, states.get(element, {})):
            hidden.append(element)
        else:
            waiting.extend(child for child in element if isinstance(child.tag, str) and child.tag not in _NOT_SHOWN)
    return hidden


def _is_hidden(element: Any, sheet: dict[str, tuple[Weight, bool]]) -> bool:  # noqa: ANN401
    if element.tag in ("html", "body"):
        return False
    states = dict(sheet)
    if style := element.get("style"):
        for order, (name, hides, important) in enumerate(_hiding(style[:_LONGEST_STYLE])):
            _note(states, name, (important, _INLINE, order), hides)
    by_attribute = element.get("hidden", "until-found").strip().lower() != "until-found"
    closed = element.tag == "dialog" and element.get("open") is None
    if (by_attribute or closed) and "display" not in states:
        return True
    return any(hides for _, hides in states.values())


def _note(states: dict[str, tuple[Weight, bool]], name: str, weight: Weight, hides: bool) -> None:
    if name not in states or states[name][0] <= weight:
        states[name] = (weight, hides)


def _hiding(style: str) -> Iterator[tuple[str, bool, bool]]:
    """Yield property, whether it hides, and whether it is important, for the declarations that show or hide."""
    for declaration in style.lower().split(";"):
        name, _, written = (it.strip() for it in declaration.partition(":"))
        important = "!important" in written
        text = written.replace("!important", "").strip()
        if name == "display":
            yield name, text == "none", important
        elif name == "visibility":
            yield name, text in ("hidden", "collapse"), important
        elif name in ("font-size", "opacity"):
            yield name, _ZERO.fullmatch(text) is not None, important
        elif name in ("left", "right", "top", "text-indent"):
            yield name, _FAR.fullmatch(text) is not None, important
        elif name == "mso-hide":
            yield name, text == "all", important


def _sheet_states(tree: Any) -> dict[Any, dict[str, tuple[Weight, bool]]]:  # noqa: ANN401
    """Return what the style sheets of a page say of its elements.

    Rules are left out after so many comparisons with elements as take some seconds.
    """
    sheets = "\n".join(_without_comments(style.text_content()) for style in tree.iter("style"))[:_MOST_STYLES]
    states: dict[Any, dict[str, tuple[Weight, bool]]] = {}
    if "{" not in sheets:
        return states
    selectors = Selectors(tree, set(NAME.findall(sheets)))
    found: dict[str, list[tuple[tuple[int, ...], Any]]] = {}
    for order, (selector, name, hides, important) in enumerate(_rules(sheets)):
        if selector not in found:
            found[selector] = selectors.selected(selector)
        if not selectors.spend(1 + len(found[selector])):
            break
        for specificity, element in found[selector]:
            _note(states.setdefault(element, {}), name, (important, specificity, order), hides)
    return states


def _without_comments(sheet: str) -> str:
    kept = []
    place = 0
    while (begin := sheet.find("/*", place)) >= 0:
        kept.append(sheet[place:begin])
        end = sheet.find("*/", begin + 2)
        place = end + 2 if end >= 0 else len(sheet)  # one that is not closed goes on to the end
    kept.append(sheet[place:])
    return " ".join(kept).replace("<!--", " ").replace("-->", " ")


def _rules(sheet: str) -> Iterator[tuple[str, str, bool, bool]]:
    """Yield selector, property, whether it hides, and whether it is important.

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
                last = {(name, important): hides for name, hides, important in _hiding(before[:_LONGEST_STYLE])}
                for (name, important), hides in last.items():
                    if always or not hides:
                        yield from ((selector.strip(), name, hides, important) for selector in head.split(","))
            head = None
