"""Find the words of a text that name something, by their capitals and figures."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from memorag_graph.generation.surroundings import NOUNS_ARE_CAPITALS
from memorag_graph.retrieval.stop_words import function_words
from memorag_graph.text.identifiers import name_words

_WORD = re.compile(r"[^\W_]+(?:['’.-][^\W_]+)*")
_OWNED = re.compile(r"['’]s?$")
_NUMBER = re.compile(r"\d+(?:[.,-]\d+)*$")
_CODE = re.compile(r"(?P<kind>[^\W\d_]{2,}-?)(?P<number>\d[\d.-]*)$|(?P<letter>[^\W\d_]-?\d[\d.-]*|\d+[^\W\d_])$")
_FIGURE = re.compile(r"\d")
_ROMAN = re.compile(r"[IVXLC]+$")
_NAMING = frozenset({
    *("called", "named", "renamed", "nicknamed", "known", "titled", "genannt", "heißt", "hieß", "heißen", "namens"),
    *("appelé", "appelée", "nommé", "nommée", "llamado", "llamada", "llamaba", "chiamato", "chiamata", "chamado"),
    *("chamada", "genaamd", "heet", "heette"),
})  # fmt: skip
"""Words beside a name that tell nothing of its kind: "What was the Heron called?" "She had been called Vestfjell."."""

_OPENING_WORDS = 8
"""First words of a sentence, among which its subject is."""


@dataclass(frozen=True, slots=True)
class Name:
    """A word that names something, or a part of a name.

    Attributes:
        word: The word, as it is written.
        form: "word" for one with a capital, else "number", "letter", "roman" or "code".
        before: The content word before it in lower case, with a word such as "in" between ("office in"), or what its
            number follows in one word ("meter-").
        after: The content word after it in lower case, with a word such as "and" between ("and sons").
        at: Number of the word in the text.
    """

    word: str
    form: str
    before: str
    after: str
    at: int


def words_of(text: str) -> list[str]:
    """Return the words of a text, without an "'s" at their end."""
    return [_OWNED.sub("", word) for word in _WORD.findall(text)]


def lowered(texts: Iterable[str]) -> frozenset[str]:
    """Return the words that texts write in lower case, which are no names."""
    return frozenset(word for text in texts for word in _WORD.findall(text) if word[0].islower())


def names_in(text: str, lower: frozenset[str], language_code: str) -> list[Name]:
    """Return the names of a text in order, each word alone.

    Args:
        text: A sentence or a question.
        lower: Words that are no names though they may have a capital (:func:`lowered`).
        language_code: Language of the text.
    """
    words = words_of(text)
    stop = function_words(language_code)
    empty = stop | _NAMING
    content = [word.lower() if word.lower() not in empty else "" for word in words]
    found = []
    for at, word in enumerate(words):
        before, after = _beside(words, content, at, -1), _beside(words, content, at, 1)
        code = _CODE.match(word)
        form = "number" if code and code["kind"] else _form(word)
        if form == "word" and (not content[at] or word.lower() in lower):
            continue
        if code and code["kind"]:
            found.append(Name(code["number"], form, code["kind"].lower(), "", at))
        elif form and (form != "letter" or before):
            found.append(Name(word, form, before, after if form == "word" else "", at))
    return _of_several(found) if language_code in NOUNS_ARE_CAPITALS else found


def file_title(source: str) -> str:
    """Return the name of a file with capitals, by which names are known: "Cottage Heron" of "cottage_heron.txt"."""
    return name_words(source).title()


def others(name: Name, among: Iterable[Name]) -> set[str]:
    """Return the names that stand where a name might: "3" after "Line" for the 2 of "Line 2", "North" before "Harbour".

    They have the same form, and the same word beside them; codes such as "H12" and "H07" are built alike.
    """
    shape = _shape(name)
    return {
        it.word.lower()
        for it in among
        if it.form == name.form
        and it.word.lower() != name.word.lower()
        and ((shape and shape == _shape(it)) or any(_are_same(*beside) for beside in _beside_both(name, it)))
    }


def _beside_both(name: Name, other: Name) -> Iterator[tuple[str, str]]:
    """Yield the words beside two names that may be the same; that of a kind on either side, as in "Como lake"."""
    yield name.before, other.before
    yield name.after, other.after
    if name.form == "word":
        yield name.after, other.before
        yield name.before, other.after


def _shape(name: Name) -> str:
    """Return how a code of letters and figures is built, as "H##" for "H12"; nothing for other names."""
    return _FIGURE.sub("#", name.word.lower()) if name.form == "code" else ""


def tell_of_others(question: str, sentences: Sequence[str], language_code: str) -> list[bool]:
    """Return whether each sentence begins with another name in the place of one of the question, which it lacks."""
    lower = lowered([question, *sentences])
    wanted = names_in(question, lower, language_code)
    found = []
    for sentence in sentences:
        held = names_in(sentence, lower, language_code) if wanted else []
        known = {it.word.lower() for it in held}
        opening = [it for it in held if it.at < _OPENING_WORDS]
        found.append(any(others(it, opening) and it.word.lower() not in known for it in wanted))
    return found


def _form(word: str) -> str:
    if _NUMBER.match(word):
        return "number"
    if any(map(str.isdecimal, word)):
        return "code"
    if len(word) == 1:
        return "letter" if word.isupper() else ""
    if _ROMAN.match(word):
        return "roman"
    return "word" if any(map(str.isupper, word)) else ""


def _are_same(first: str, second: str) -> bool:
    """Return whether what stands beside two names is the same, but for an "s": "stand on", "stands on"."""
    return bool(first) and [it.rstrip("s") for it in first.split()] == [it.rstrip("s") for it in second.split()]


def _beside(words: Sequence[str], content: Sequence[str], at: int, step: int) -> str:
    """Return the content word before or after a word, with one word without content between them if there is one."""
    near, far = at + step, at + 2 * step
    if not 0 <= near < len(words) or content[near] or not 0 <= far < len(words):
        return content[near] if 0 <= near < len(words) else ""
    joined = (far, near) if step < 0 else (near, far)
    return " ".join(words[it].lower() for it in joined) if content[far] else ""


def _of_several(names: list[Name]) -> list[Name]:
    """Return the names without single words with a capital, as nouns have."""
    places = {name.at for name in names if name.form == "word"}
    return [it for it in names if it.form != "word" or {it.at - 1, it.at + 1} & places]
