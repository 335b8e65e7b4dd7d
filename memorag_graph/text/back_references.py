"""Whether a sentence refers to one before it, without which it does not say what it is about."""

import re

_WORDS = frozenset({
    *("it", "its", "he", "his", "him", "she", "her", "hers", "they", "their", "theirs", "this", "these", "that"),
    *("those", "both", "there", "also"),
    *("er", "sein", "seine", "seinen", "es", "sie", "ihr", "ihre", "ihren", "dieser", "diese", "dieses", "dort"),
    *("il", "elle", "ils", "elles", "son", "sa", "ses", "leur", "leurs", "ce", "cette", "ces", "su", "sus", "este"),
    *("esta", "estos", "suo", "sua", "suoi", "loro", "questo", "questa", "seu", "seus", "hij", "zij", "zijn", "haar"),
    *("он", "она", "они", "его", "её", "их", "это"),
})  # fmt: skip
_FIRST = re.compile(r"\W*([^\W\d_]+)")


def refers_back(sentence: str) -> bool:
    """Return whether a sentence begins with a pronoun or another word that refers to what was said before."""
    first = _FIRST.match(sentence)
    return first is not None and first[1].lower() in _WORDS
