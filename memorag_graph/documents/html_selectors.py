"""Find the elements that the selectors of a style sheet select, with a bound on the work."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

_LONGEST_SELECTOR = 200
_MOST_COMPARED = 3_000_000
"""Elements that all selectors of a page are compared with, which takes some seconds; further rules are left out."""

_COST_OF_SELECTOR = 100
"""What it takes to parse a selector, in comparisons."""

NAME = re.compile(r"[.#][\w-]+")
"""A class or an id in a selector; also other texts of a style sheet."""

Specificity = tuple[int, ...]


@dataclass(slots=True)
class _Compound:
    """What a selector demands of one element.

    Attributes:
        tag: Name of the element; empty for any.
        names: Classes, with a dot, and ids, with a #.
        attributes: Names of attributes that it has, and their values; None for any value.
        excluded: What it may not be.
        above: What one of the elements around it is.
        is_child: Whether that is the nearest one.
    """

    tag: str = ""
    names: list[str] = field(default_factory=list)
    attributes: list[tuple[str, str | None]] = field(default_factory=list)
    excluded: "list[_Compound]" = field(default_factory=list)
    above: "_Compound | None" = None
    is_child: bool = False


class Selectors:
    """Finds the elements of a page that selectors select.

    Selectors of tags, classes, ids, attributes, children and descendants are understood; any other selects nothing.

    Args:
        tree: The page.
        names: The classes, with a dot, and ids, with a #, that selectors name.
    """

    def __init__(self, tree: Any, names: Iterable[str]) -> None:  # noqa: ANN401 - the library's elements are untyped
        self._tree = tree
        self._left = _MOST_COMPARED
        self._named: dict[str, set[Any]] = {name: set() for name in names}
        for element in tree.iter():
            if isinstance(element.tag, str):
                for name in (f"#{element.get('id')}", *(f".{it}" for it in (element.get("class") or "").split())):
                    if name in self._named and self.spend(1):
                        self._named[name].add(element)

    def spend(self, comparisons: int) -> bool:
        """Count work; return whether there was enough left for it."""
        self._left -= comparisons
        return self._left >= 0

    def selected(self, selector: str) -> list[tuple[Specificity, Any]]:
        """Return the specificity of a selector and each element that it selects; none if it is not understood."""
        from cssselect import SelectorError
        from cssselect.parser import parse

        if not selector or len(selector) > _LONGEST_SELECTOR or not self.spend(1):
            return []
        if "(" not in selector and not all(self._named.get(name) for name in NAME.findall(selector)):
            return []  # names a class or id that no element has
        if not self.spend(_COST_OF_SELECTOR):
            return []
        try:
            parsed = parse(selector)[0]
            compound = None if parsed.pseudo_element else _compound(parsed.parsed_tree)
        except (SelectorError, RecursionError):
            return []
        if compound is None:
            return []
        specificity = parsed.specificity()
        return [(specificity, it) for it in self._candidates(compound) if self._fits_within(it, compound)]

    def understands(self, selector: str) -> bool:
        """Return whether a selector is one that can be compared with elements."""
        from cssselect import SelectorError
        from cssselect.parser import parse

        if len(selector) > _LONGEST_SELECTOR or not self.spend(_COST_OF_SELECTOR):
            return False
        try:
            return _compound(parse(selector)[0].parsed_tree) is not None
        except (SelectorError, RecursionError):
            return False

    def _candidates(self, compound: _Compound) -> Iterator[Any]:
        """Yield the elements that fit, of those that one name or the tag leaves."""
        fewest = min((self._named.get(name, set()) for name in compound.names), key=len, default=None)
        for element in self._tree.iter(compound.tag or "*") if fewest is None else fewest:
            if self._fits(element, compound):
                yield element

    def _fits(self, element: Any, compound: _Compound) -> bool:  # noqa: ANN401
        """Return whether an element is what a selector demands of it alone; no once there is no work left."""
        return (
            self.spend(1 + len(compound.names) + len(compound.attributes))
            and compound.tag in ("", element.tag)
            and all(element in self._named.get(name, ()) for name in compound.names)
            and all(
                value in (None, element.get(name)) and name in element.attrib for name, value in compound.attributes
            )
            and not any(self._fits(element, it) for it in compound.excluded)
        )

    def _fits_within(self, element: Any, compound: _Compound) -> bool:  # noqa: ANN401
        """Return whether the elements around one are what a selector demands: all ways to fit are followed at once."""
        open_ones = [compound]  # each waits for what is above it
        if compound.above is None:
            return True
        for outer in element.iterancestors():
            further: list[_Compound] = []
            for inner in open_ones:
                above = inner.above
                if above is None:
                    continue
                if self._fits(outer, above):
                    if above.above is None:
                        return True
                    further.append(above)
                if not inner.is_child:
                    further.append(inner)
            open_ones = list({id(it): it for it in further}.values())
            if not open_ones:
                return False
        return False


def _compound(tree: Any) -> _Compound | None:  # noqa: ANN401
    """Return what a parsed selector demands; None if it demands more than is understood."""
    from cssselect import parser

    found = _Compound()
    node = tree
    while not isinstance(node, parser.Element):
        if isinstance(node, parser.Class):
            found.names.append(f".{node.class_name}")
        elif isinstance(node, parser.Hash):
            found.names.append(f"#{node.id}")
        elif isinstance(node, parser.Attrib) and node.operator in ("exists", "=") and not node.namespace:
            found.attributes.append((node.attrib.lower(), node.value.value if node.value else None))
        elif isinstance(node, parser.Negation) and (excluded := _compound(node.subselector)) and not excluded.above:
            found.excluded.append(excluded)
        elif isinstance(node, parser.CombinedSelector) and node.combinator in (" ", ">"):
            inner, above = _compound(node.subselector), _compound(node.selector)
            if inner is None or above is None or found != _Compound():
                return None
            inner.above, inner.is_child = above, node.combinator == ">"
            return inner
        else:
            return None
        node = node.selector
    found.tag = (node.element or "").lower()
    return found
