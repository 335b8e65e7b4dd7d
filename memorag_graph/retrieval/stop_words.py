"""Words that keyword search ignores: they occur in most texts of a language and say nothing of their subject."""

from functools import cache

_LISTS = {
    "da": "DANISH", "de": "GERMAN", "en": "EN", "es": "SPANISH", "fr": "FRENCH", "it": "ITALIAN", "nb": "NORWEGIAN",
    "nl": "DUTCH", "nn": "NORWEGIAN", "no": "NORWEGIAN", "pt": "PORTUGUESE", "ru": "RUSSIAN", "sv": "SWEDISH",
    "tr": "TURKISH",
}  # fmt: skip
"""The lists of bm25s."""

_OWN_LISTS = {
    "hi": (
        "का की के को में से पर ने तक और या भी तो ही कि जो जब तब यह वह ये वे इस उस इन उन है हैं था थी थे हो होता होती होते "
        "हुआ हुई हुए होने गया गई गए कर करने करना किया किए की एक लिए साथ द्वारा नहीं न अपने अपनी अपना इसके उसके उनके "
        "क्या कौन किस किसे किसने किसके किसकी कब कहाँ कहां कैसे क्यों कितना कितनी कितने कौनसा कौनसी"
    ),
}

_ONE_LETTER = {
    "bg": "авеикосуя", "ca": "aeiou", "cs": "aikosuvz", "da": "åi", "el": "ηοόήωώ", "en": "ai", "eo": "o",
    "es": "aeouy", "fr": "aàyô", "hr": "aiouks", "hu": "aaső", "it": "aeioè", "la": "aeo", "nb": "åi", "nn": "åi",
    "no": "åi", "pl": "aiouwz", "pt": "aeoàéó", "ro": "aeoi", "ru": "абвжикосуя", "sk": "aikosuvz", "sl": "aikosvz",
    "sr": "aiouksаиоукс", "sv": "åiö", "uk": "абвжзійоуєя",
}  # fmt: skip
"""Words of a single letter that carry no content; other single letters are names."""


@cache
def stop_words(language_code: str) -> frozenset[str]:
    """Return the words of a language that keyword search ignores; none if it has no list."""
    from memorag_graph.retrieval.bm25 import stopwords

    name = _LISTS.get(language_code)
    listed = getattr(stopwords, f"STOPWORDS_{name}") if name else _OWN_LISTS.get(language_code, "").split()
    return frozenset(word for word in listed if len(word) > 1).union(_ONE_LETTER.get(language_code, ()))


@cache
def function_words(language_code: str) -> frozenset[str]:
    """Return the words of a language that carry no content; for English, more than keyword search ignores."""
    from memorag_graph.retrieval.bm25 import stopwords

    more = stopwords.STOPWORDS_EN_PLUS if language_code == "en" else ()
    return stop_words(language_code).union(more)
