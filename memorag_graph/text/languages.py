"""Detect the language of a text."""

from dataclasses import dataclass

from py3langid import classify

_SAMPLE_CHARACTERS = 20_000

_NAMES = {
    "ar": "Arabic", "bg": "Bulgarian", "bn": "Bengali", "ca": "Catalan", "cs": "Czech", "da": "Danish",
    "de": "German", "el": "Greek", "en": "English", "es": "Spanish", "et": "Estonian", "fa": "Persian",
    "fi": "Finnish", "fr": "French", "he": "Hebrew", "hi": "Hindi", "hr": "Croatian", "hu": "Hungarian",
    "id": "Indonesian", "it": "Italian", "ja": "Japanese", "ko": "Korean", "la": "Latin", "lt": "Lithuanian",
    "lv": "Latvian", "nb": "Norwegian", "nl": "Dutch", "nn": "Norwegian", "no": "Norwegian", "pl": "Polish",
    "pt": "Portuguese", "ro": "Romanian", "ru": "Russian", "sk": "Slovak", "sl": "Slovenian",
    "sr": "Serbian", "sv": "Swedish", "th": "Thai", "tr": "Turkish", "uk": "Ukrainian", "ur": "Urdu",
    "vi": "Vietnamese", "zh": "Chinese",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Language:
    """A language by its ISO 639-1 code (``"en"``) and English name (``"English"``)."""

    code: str
    name: str


def language(code: str) -> Language:
    """Return the language of an ISO 639-1 code; an unknown code is its own name."""
    return Language(code, _NAMES.get(code, code))


def detect_language(text: str) -> Language:
    """Detect the main language of ``text`` from samples of its start, middle and end.

    A text without letters counts as English.
    """
    if len(text) > 3 * _SAMPLE_CHARACTERS:
        middle = len(text) // 2
        text = " ".join(
            (
                text[:_SAMPLE_CHARACTERS],
                text[middle : middle + _SAMPLE_CHARACTERS],
                text[-_SAMPLE_CHARACTERS:],
            )
        )
    if not any(character.isalpha() for character in text):
        return language("en")
    code, _ = classify(text)
    return language(str(code))
