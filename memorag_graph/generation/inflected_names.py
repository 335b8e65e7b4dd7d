"""Find the names of a question that the evidence writes in another form: "Evas Bruder" where it says "Eva"."""

import re
from collections.abc import Iterable, Mapping

_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_APOSTROPHE = re.compile(r"['’]")
_SHORTEST = 2
"""Letters that are left of a name."""

_OWNING = {"de": ("s", "es", "ens"), "nl": ("s",), "da": ("s",), "sv": ("s",), "nb": ("s",), "nn": ("s",)}
"""What the genitive of a name ends with, in languages whose names are else the same."""

_UNCHANGED = ("en", "fr", "es", "it", "pt", "ca", "ro", "vi", "id")
"""Languages in which names do not change, but for what stands behind or before an apostrophe."""

_LAST_CHANGES = ("pl", "cs", "sk", "sl", "hr", "sr", "bs", "ru", "uk", "be", "bg", "mk", "lt", "lv", "el")
"""Languages in which the last letter of a name changes: Polish "Ewy" of "Ewa"."""

_MOST_ADDED = 3
"""Letters that other languages add to a name, at most."""


def inflected_names(question: str, texts: Iterable[str], language_code: str) -> dict[str, str]:
    """Return the words of a question with a capital that texts write in another form, and that form.

    Args:
        question: The question.
        texts: All sentences and headings.
        language_code: Language of the texts.
    """
    words = {word for text in texts for word in _WORD.findall(text)}
    known = {word.casefold() for word in words}
    names = {word.casefold(): word for word in sorted(words) if word[0].isupper()}
    found = {}
    for word in _WORD.findall(question):
        if any(map(str.isupper, word)) and word.casefold() not in known:
            form = next((names[it] for it in _forms(word.casefold(), names, language_code) if it in names), None)
            if form is not None:
                found[word] = form
    return found


def as_written(question: str, names: Mapping[str, str]) -> str:
    """Return a question with its names in the form that the texts write (:func:`inflected_names`)."""
    return _WORD.sub(lambda word: names.get(word[0], word[0]), question) if names else question


def _forms(word: str, names: Mapping[str, str], language_code: str) -> Iterable[str]:
    """Yield the forms that a name in lower case may have, the likeliest first."""
    parts = _APOSTROPHE.split(word)
    if len(parts) > 1:
        yield from (part for part in parts if len(part) >= _SHORTEST)
        return
    if language_code in _UNCHANGED:
        return
    endings = _OWNING.get(language_code)
    if endings is None:
        yield from (word[:-count] for count in range(1, _MOST_ADDED + 1) if len(word) - count >= _SHORTEST)
    else:
        yield from (word.removesuffix(it) for it in endings if word.endswith(it) and len(word) - len(it) >= _SHORTEST)
    if language_code in _LAST_CHANGES and len(word) > _SHORTEST:
        yield from (name for name in names if len(name) == len(word) and name[:-1] == word[:-1])
