"""Tell the hyphens of words from those that only break a word at a line's end."""

import re

_OWN = re.compile(
    r"""(?:.*[-\u2010])?(?:
        .*\d.* | \w | [^\W\d_a-z]*[A-Z][^\W\d_a-z]+
        | [Ww]ell | [Ss]elf | [Hh]alf | [Cc]ross | [Hh]igh | [Ll]ow | [Ll]ong | [Ss]hort | [Nn]on | [Aa]nti | [Ff]ull
    )$""",
    re.VERBOSE,
)
"""First parts that usually keep their hyphen: figures, single letters, capitals, and words that begin compounds."""

_ENDINGS = re.compile(
    r"(?:ish|ishly|er|ers|est|ly|ness|ing|ings|ed|s|sense|chalant|etheless|ment|ways?|lands?|hand|lights?)\b",
    re.IGNORECASE,
)
"""What follows such a word where the two are one: ``self|ish``, ``non|sense``."""

_EX = re.compile(
    r"(?:president|minister|mayor|director|chair|husband|wife|partner|soldier|champion|king|queen|employee)"
)


def keeps_hyphen(before: str, following: str) -> bool:
    """Return whether the hyphen at a line's end belongs to the word.

    Args:
        before: The text before the hyphen.
        following: The text of the next line.
    """
    part = before.rsplit(maxsplit=1)[-1].lstrip("\"'“‘«([") if before.strip() else ""
    if not following[:1].islower() or "-" in part or "\u2010" in part:
        return True
    if part.lower() == "ex":
        return _EX.match(following) is not None
    return _OWN.match(part) is not None and _ENDINGS.match(following) is None
