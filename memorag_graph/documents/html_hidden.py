"""Remove what a page hides from its readers: by attributes, inline styles and the rules of its style sheets."""

import re
from collections.abc import Iterator
from typing import Any

_NOT_SHOWN = ("script", "style", "template", "noscript", "object", "datalist", "title", "meta", "link")
"""Elements whose text no browser shows."""

_COMMENT = re.compile(r"/\*[^*]*\*+(?:[^/*][^*]*\*+)*/|<!--|-->")
_RULE = re.compile(r"([^{}]*)\{([^{}]*)\}|([^{}]*)\{|\}")
"""A rule without inner rules, the beginning of a block of rules such as ``@media``, or the end of one."""

_DECLARATION = re.compile(r"\s*([\w-]+)\s*:\s*([^;]*)")
_ZERO = re.compile(r"[-+]?0*\.?0+(?:px|pt|em|rem|ex|ch|%|vw|vh|cm|mm|in|pc)?")
_FAR = re.compile(r"-\d{4,}(?:px|pt)?|-\d{3,}r?em")
"""A place so far outside that no screen shows it."""

_MOST_STYLES = 1 << 20
"""Characters of style sheets that are read."""

_NAME = re.compile(r"[.#][\w-]+")
_BRACKETS = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
_MOST_COMPARED = 3_000_000
_LONGEST_SELECTOR = 200
_LONGEST_STYLE = 2000
_PRINT = re.compile(r"@media\s+print\b", re.IGNORECASE)
_EVERYWHERE = re.compile(r"@(?:media\s+(?:all|screen)\s*$|supports|layer|container)", re.IGNORECASE)

Weight = tuple[bool, tuple[int, ...], int]
"""What decides between rules: importance, specificity, order."""

_INLINE = (1 << 20,)
"""Specificity of an inline style, above that of any selector."""


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
    for found in _DECLARATION.finditer(style):
        name, written = found[1].lower(), found[2].lower()
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
    sheets = "\n".join(style.text_content() for style in tree.iter("style"))[:_MOST_STYLES]
    states: dict[Any, dict[str, tuple[Weight, bool]]] = {}
    if "{" not in sheets:
        return states
    names, elements = _names(tree)
    found: dict[str, list[tuple[tuple[int, ...], Any]]] = {}
    for order, (selector, name, hides, important) in enumerate(_rules(_COMMENT.sub(" ", sheets))):
        if selector not in found:
            if not names.issuperset(_NAME.findall(_BRACKETS.sub("", selector))):
                continue  # names a class or id that no element has
            if (len(found) + 1) * elements > _MOST_COMPARED:
                break
            found[selector] = list(_selected(tree, selector))
        for specificity, element in found[selector]:
            _note(states.setdefault(element, {}), name, (important, specificity, order), hides)
    return states


def _names(tree: Any) -> tuple[set[str], int]:  # noqa: ANN401
    """Return the classes, with a dot, and ids, with a #, of a page, and the number of its elements."""
    names: set[str] = set()
    elements = 0
    for element in tree.iter():
        elements += 1
        if isinstance(element.tag, str):
            names.update(f".{it}" for it in (element.get("class") or "").split())
            names.add(f"#{element.get('id')}")
    return names, elements


def _rules(sheet: str) -> Iterator[tuple[str, str, bool, bool]]:
    """Yield selector, property, whether it hides, and whether it is important.

    In blocks for some screens only, rules that hide are left out: there is a screen that shows the text.
    """
    conditions: list[str] = []
    for found in _RULE.finditer(sheet):
        if found[3] is not None:
            conditions.append(found[3].strip())
        elif found[1] is None:
            conditions = conditions[:-1]
        elif not any(map(_PRINT.match, conditions)) and not found[1].lstrip().startswith("@"):
            always = all(map(_EVERYWHERE.match, conditions))
            for name, hides, important in _hiding(found[2][:_LONGEST_STYLE]):
                if always or not hides:
                    for selector in found[1].split(","):
                        yield selector.strip(), name, hides, important


def _selected(tree: Any, selector: str) -> Iterator[tuple[tuple[int, ...], Any]]:  # noqa: ANN401
    """Yield the specificity of a selector and each element that it selects; none if it is not understood."""
    from cssselect import SelectorError
    from cssselect.parser import parse
    from cssselect.xpath import HTMLTranslator
    from lxml.etree import XPathError

    if not selector or len(selector) > _LONGEST_SELECTOR:
        return
    try:
        for parsed in parse(selector):
            if parsed.pseudo_element is None:
                path = HTMLTranslator().selector_to_xpath(parsed)
                yield from ((parsed.specificity(), element) for element in tree.xpath(path))
    except (SelectorError, XPathError, RecursionError):
        return
