"""Find the terms and the names of a question."""

import re
from collections.abc import Iterable

from memorag_graph.retrieval.stop_words import dictionary_function_words, function_words
from memorag_graph.retrieval.terms import terms
from memorag_graph.text.request_words import REQUEST_WORDS
from memorag_graph.text.word_breaks import COMPLEX_RUN, dictionary_words

_SINGLE = re.compile(r"(?<![^\W_])(?:\d|[A-Z](?![.'’]))(?![^\W_])")
"""A single figure or capital, as in "Article 7" or "cabinet R"."""

_NAMING_CAPITAL = re.compile(
    r"(?<=[^\W\d_] )(?:[B-HJ-Z](?![^\W_]|[.'’])|[AI](?=\s*[?.!,;:)]|\s*$)|(?<=[a-z] )A(?= [a-z]))"
)
"""A capital that names something though it may be a stop word, too, as in "cabinet S", "grade A" or "Annex I?"."""

_PATH = re.compile(r"(?<![\w./:])/[A-Za-z][\w.%~/-]{1,200}")
_JOINED = re.compile(r"\b[^\W\d_]+(?:_[^\W_]+)+\b|\b[a-z]+(?:[A-Z][a-z]+)+\b")
"""A name of a program, such as max_size or renewSession, which its parts do not name."""

_WORD = re.compile(r"[^\W_]+")
_FIRST_WORD = re.compile(r"\W*[^\W_]+")

_EFFECT = re.compile(
    r"^\W*how (?:did|does|do|has|have|had|will|would|can|could|may|might)\b.*?"
    r"(?<!\bthe )(?<!\ban )(?<!\bof )(?<!\bits )\b((?:impact|affect|influence)(?:s|d|ed)?\b"
    r"(?: (?:the|our|its|this|that) (?:company|firm|group|business|organi[sz]ation|corporation)\b)?)",
    re.IGNORECASE,
)
"""How something affected something: what tells it mostly does not say so, nor "the company" for its own."""

_ASKING_UNSPACED = re.compile(
    "请问|(?:是|叫|做|有)什[么麼](?:时候|時候|地方|样的?|樣的?)?|什[么麼](?:时候|時候|地方|样的?|樣的?)|(?:是|有)?哪一[年天个位种家]|有哪些|是谁|"
    "为什么|為什麼|(?:有|是)多少|[吗嗎呢]$|"
    "(?:は|が|を|に|で)?(?:何[時人年]?|なに|なん|誰|だれ|どこ|いつ|どの|どれ|どんな|どう|なぜ|いくつ|いくら)"
    "(?:です|でした|ました)?か?$"
)
"""Words for asking in Chinese and Japanese, which write them together with other words."""


def held_terms(text: str, language_code: str) -> list[str]:
    """Return the terms of a text, among them single figures and capitals, which are no words.

    Args:
        text: A question or a sentence.
        language_code: Language of the document.
    """
    return [*terms(text, language_code), *(found.lower() for found in _SINGLE.findall(text))]


def question_terms(question: str, language_code: str) -> list[str]:
    """Return the terms of a question (:func:`held_terms`), in Thai, Lao, Khmer and Burmese only words of content.

    There, nearly every sentence holds some of the pairs of letters, and all those of function words.

    Args:
        question: The question.
        language_code: Language of the document.
    """
    stop = dictionary_function_words()
    spaced, words = COMPLEX_RUN.sub(" ", question), _complex_words(question)
    content = [*held_terms(spaced, language_code), *(word for word in words if len(word) > 1 and word not in stop)]
    return content or held_terms(question, language_code)


def held_among(wanted: Iterable[str], text: str, language_code: str) -> set[str]:
    """Return the terms of a text, and those of a question in Thai, Lao, Khmer or Burmese that stand anywhere in it.

    A dictionary breaks the same letters otherwise among other words.
    """
    complex_terms = (term for term in wanted if COMPLEX_RUN.fullmatch(term))
    return {*held_terms(text, language_code), *(term for term in complex_terms if term in text)}


def _complex_words(text: str) -> list[str]:
    return [word for run in COMPLEX_RUN.findall(text) for word in dictionary_words(run)]


def asked_terms(question: str, language_code: str) -> list[str]:
    """Return the distinct terms that a question asks for: without words such as "which", if others are left.

    Args:
        question: The question.
        language_code: Language of the document.
    """
    stop = function_words(language_code) | REQUEST_WORDS
    if effect := _EFFECT.match(question):
        question = f"{question[: effect.start(1)]}{question[effect.end(1) :]}"
    named = {found.start() for found in _NAMING_CAPITAL.finditer(question)}

    def content(word: re.Match[str]) -> str:
        keep = word[0].lower() not in stop or word.start() in named or COMPLEX_RUN.match(word[0])
        return word[0] if keep else ""

    without = _WORD.sub(content, question)
    without = _ASKING_UNSPACED.sub(" ", without.rstrip(" ?？。"))
    found = dict.fromkeys(question_terms(without, language_code))
    return list(found or dict.fromkeys(question_terms(question, language_code)))


def asked_paths(text: str) -> list[str]:
    """Return the paths, as "/login" or "/v1/orders", that a text names, in lower case."""
    return [found[0].lower().rstrip("/.,?!:;") for found in _PATH.finditer(text)]


def asked_names(question: str, evidence: Iterable[str], language_code: str) -> frozenset[str]:
    """Return the terms of a question that name something: they hold figures, or only occur with a capital.

    Of joined words, such as renewSession, only the whole is a name.

    Args:
        question: The question.
        evidence: The sentences of the evidence; a word that one of them writes in lower case is no name.
        language_code: Language of the document.
    """
    lower: set[str] = set()
    upper: set[str] = set()
    for sentence in evidence:
        for word in _WORD.findall(sentence):
            (upper if word[0].isupper() else lower).add(word.lower())
    first = _FIRST_WORD.match(question)
    inner = {word.lower() for word in _WORD.findall(question[first.end() :] if first else "") if word[0].isupper()}
    named = [
        word
        for word in _WORD.findall(_JOINED.sub(" ", question))
        if any(map(str.isdecimal, word)) or (word.lower() not in lower and word.lower() in upper | inner)
    ]
    whole = (terms(word, language_code)[0] for word in _JOINED.findall(question))
    return frozenset([*whole, *(term for word in named for term in held_terms(word, language_code))])
