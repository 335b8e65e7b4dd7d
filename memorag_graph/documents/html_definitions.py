"""Write the terms of an HTML page's description lists before their descriptions: "Operator: Westbahn AG"."""

import re
from typing import Any

_LONGEST_TERM, _LONGEST_DESCRIPTION = 60, 200
"""Characters; longer ones are text of their own under a heading of its own."""

_PAIR = re.compile("(?<!t)td(?!d)")
"""A term and its only description, among the tags of a list."""

_BLOCKS = ("dl", "div", "li", "ol", "p", "pre", "section", "table", "ul")


def write_definitions(tree: Any) -> None:  # noqa: ANN401 - lxml's element, imported where it is needed
    """Join each short term with its description, if it has one alone."""
    for group in list(tree.iter("dl")):
        for holder in [group, *group.iterchildren("div")]:
            _join(holder)


def _join(holder: Any) -> None:  # noqa: ANN401 - see above
    children = [it for it in holder if isinstance(it.tag, str)]
    tags = "".join({"dt": "t", "dd": "d"}.get(it.tag, "-") for it in children)
    for found in _PAIR.finditer(tags):
        term, description = children[found.start() : found.end()]
        if _is_short(term, _LONGEST_TERM) and _is_short(description, _LONGEST_DESCRIPTION):
            _write(term, description)


def _write(term: Any, description: Any) -> None:  # noqa: ANN401 - see above
    """Append a description to its term, which becomes one block."""
    colon = "" if term.text_content().rstrip().endswith(":") else ":"
    description.tag = "span"
    description.text = f"{colon} {description.text or ''}"
    description.tail = None
    term.append(description)


def _is_short(element: Any, most: int) -> bool:  # noqa: ANN401 - see above
    text = " ".join(element.text_content().split())
    return 0 < len(text) <= most and not any(True for _ in element.iterdescendants(*_BLOCKS))
