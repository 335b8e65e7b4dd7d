"""Find the words of scripts that are written without spaces, with ICU's dictionaries."""

import re

_COMPLEX = "\u0e01-\u0eff\u1000-\u109f\u1780-\u17ff\ua9e0-\ua9ff\uaa60-\uaa7f"
"""Thai, Lao, Khmer and Myanmar: letters and marks of the scripts for which ICU has a dictionary."""

COMPLEX_RUN = re.compile(rf"[{_COMPLEX}]+")

_LONGEST = 1000
"""Characters broken at once, since the time grows faster than their number."""


def dictionary_words(run: str) -> list[str]:
    """Return the words of a run of Thai, Lao, Khmer or Myanmar letters."""
    from icu4py.breakers import WordBreaker

    pieces = [run[start : start + _LONGEST] for start in range(0, len(run), _LONGEST)]
    return [word for piece in pieces for word in WordBreaker(piece, "en")]
