"""Words of questions that say how to answer, not about what: "Summarize the discussion about ...", "Tell me ..."."""

import re

REQUEST_WORDS = frozenset({
    *("whose", "many", "much", "long", "say", "says", "said", "tell", "told", "list", "give", "show", "name", "talk"),
    *("talked", "mention", "mentions", "mentioned", "mentioning", "according", "describe", "describes", "described"),
    *("describing", "explain", "explained", "explanation", "summarize", "summarise", "summary", "overview", "recap"),
    *("discuss", "discussed"),
    *("discusses", "discussing", "discussion", "discussions", "think", "thinks", "thought", "opinion", "opinions"),
    *("quote", "quotes", "quoted", "cite", "cites", "recite", "wording", "verbatim"),
    *("please", "kindly", "bitte", "veuillez", "favor", "favore", "prego"),
    *("view", "comment", "comments", "detail", "details", "specific", "specifically", "regarding", "concerning"),
    *("related", "relation", "wer", "wen", "wem", "wann", "warum", "viele", "sagt", "laut", "beschreibe", "erkläre"),
    *("nenne", "fasse", "zusammen", "qui", "que", "quoi", "pourquoi", "combien", "selon", "décrivez", "quién"),
    *("cuándo", "dónde", "según", "dice", "establece", "steht", "regelt", "lautet", "besagt", "dit", "prévoit"),
    *("stipule",),
})  # fmt: skip
"""Words of questions that say how to answer, not about what, and that lists of function words lack."""

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?\s?")


def without_request_words(question: str, function_words: frozenset[str]) -> str:
    """Return a question without the words that say how to answer, and without function words, in lower case."""
    left_out = REQUEST_WORDS | function_words
    return _WORD.sub(lambda found: "" if found[0].strip().lower() in left_out else found[0], question)
