"""Detect the language of a text."""

import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from py3langid.langid import MODEL_FILE, LanguageIdentifier

from memorag_graph.text.prose import prose

_SAMPLE_CHARACTERS = 20_000

_PART = 3000
"""Characters classified at once; in longer texts that repeat themselves, the classifier becomes unsure."""

_LEAST_OF_EACH = 500
_MOST_TEXTS = 100
"""Characters of each of several texts, and texts, that are looked at."""

_CONFIDENT = 0.35
"""Probability below which a language is not taken: single words and lists of names stay below."""

_NAMES = {
    "af": "Afrikaans", "am": "Amharic", "ar": "Arabic", "as": "Assamese", "az": "Azerbaijani", "be": "Belarusian",
    "bg": "Bulgarian", "bn": "Bengali", "bo": "Tibetan", "br": "Breton", "bs": "Bosnian", "ca": "Catalan",
    "cs": "Czech", "cy": "Welsh", "da": "Danish", "de": "German", "dz": "Dzongkha", "el": "Greek", "en": "English",
    "eo": "Esperanto", "es": "Spanish", "et": "Estonian", "eu": "Basque", "fa": "Persian", "fi": "Finnish",
    "fo": "Faroese", "fr": "French", "fy": "Frisian", "ga": "Irish", "gd": "Scottish Gaelic", "gl": "Galician",
    "gu": "Gujarati", "ha": "Hausa", "he": "Hebrew", "hi": "Hindi", "hr": "Croatian", "ht": "Haitian Creole",
    "hu": "Hungarian", "hy": "Armenian", "id": "Indonesian", "ig": "Igbo", "is": "Icelandic", "it": "Italian",
    "ja": "Japanese", "jv": "Javanese", "ka": "Georgian", "kk": "Kazakh", "km": "Khmer", "kn": "Kannada",
    "ko": "Korean", "ku": "Kurdish", "ky": "Kyrgyz", "la": "Latin", "lb": "Luxembourgish", "lo": "Lao",
    "lt": "Lithuanian", "lv": "Latvian", "mg": "Malagasy", "mk": "Macedonian", "ml": "Malayalam", "mn": "Mongolian",
    "mr": "Marathi", "ms": "Malay", "mt": "Maltese", "my": "Burmese", "nb": "Norwegian", "ne": "Nepali",
    "nl": "Dutch", "nn": "Norwegian", "no": "Norwegian", "oc": "Occitan", "or": "Odia", "pa": "Punjabi",
    "pl": "Polish", "ps": "Pashto", "pt": "Portuguese", "ro": "Romanian", "ru": "Russian", "rw": "Kinyarwanda",
    "sa": "Sanskrit", "sd": "Sindhi", "si": "Sinhala", "sk": "Slovak", "sl": "Slovenian", "sn": "Shona",
    "so": "Somali", "sq": "Albanian", "sr": "Serbian", "sv": "Swedish", "sw": "Swahili", "ta": "Tamil",
    "te": "Telugu", "tg": "Tajik", "th": "Thai", "tk": "Turkmen", "tl": "Tagalog", "tr": "Turkish", "tt": "Tatar",
    "ug": "Uyghur", "uk": "Ukrainian", "ur": "Urdu", "uz": "Uzbek", "vi": "Vietnamese", "xh": "Xhosa",
    "yo": "Yoruba", "zh": "Chinese", "zu": "Zulu",
}  # fmt: skip

_PART_OF = {"wuu": "zh", "yue": "zh", "arz": "ar", "ary": "ar", "pcm": "en", "ext": "es", "uzs": "uz", "hbo": "he"}
"""Varieties that the classifier tells apart, and the language in which their speakers write to others."""

_BY_SCRIPT = {
    "ARABIC": "ar", "ARMENIAN": "hy", "BENGALI": "bn", "CJK": "zh", "CYRILLIC": "ru", "DEVANAGARI": "hi",
    "ETHIOPIC": "am", "GEORGIAN": "ka", "GREEK": "el", "GUJARATI": "gu", "GURMUKHI": "pa", "HANGUL": "ko",
    "HEBREW": "he", "HIRAGANA": "ja", "KANNADA": "kn", "KATAKANA": "ja", "KHMER": "km", "LAO": "lo",
    "MALAYALAM": "ml", "MYANMAR": "my", "ORIYA": "or", "SINHALA": "si", "TAMIL": "ta", "TELUGU": "te", "THAI": "th",
    "TIBETAN": "bo",
}  # fmt: skip
"""The language that is written most in each script, for texts that are too short to tell others."""

_KANA = ("HIRAGANA", "KATAKANA")
_SCRIPT_LETTERS = 500
"""Letters that are looked at to find a text's script."""

_UNKNOWN = "the language of the document"


@dataclass(frozen=True, slots=True)
class Language:
    """A language by its ISO 639-1 code (``"en"``) and English name (``"English"``)."""

    code: str
    name: str


def language(code: str) -> Language:
    """Return the language of an ISO 639-1 code; one without a known name is "the language of the document"."""
    return Language(code, _NAMES.get(code, _UNKNOWN))


def is_known(code: str) -> bool:
    """Return whether the language of a code has a name here."""
    return code in _NAMES


def detect_language(text: str, otherwise: str = "en") -> Language:
    """Detect the main language of the prose in ``text``, from samples of its start, middle and end.

    Args:
        text: The text; code, tables, addresses and names in it do not count.
        otherwise: Code of the language of a text that is too short to tell, unless its script shows another.
    """
    sample = prose(_sample(text))
    code, probability = _classified(sample) if sample else (otherwise, 0.0)
    if probability >= _CONFIDENT:
        return language(code)
    return language(_of_script(sample or text, otherwise))


def tells_language(text: str) -> bool:
    """Return whether the prose of a text, if it has any, tells its language; that of others is only guessed."""
    sample = prose(_sample(text))
    return bool(sample) and _classified(sample)[1] >= _CONFIDENT


def detect_common_language(texts: Sequence[str]) -> Language:
    """Detect the language in which most of the prose of several texts is written."""
    if len(texts) == 1:
        return detect_language(texts[0])
    each = 3 * _SAMPLE_CHARACTERS // max(1, len(texts))
    return detect_language("\n".join(text[: max(_LEAST_OF_EACH, each)] for text in texts[:_MOST_TEXTS]))


def _sample(text: str) -> str:
    if len(text) <= 3 * _SAMPLE_CHARACTERS:
        return text
    middle = len(text) // 2
    starts = (0, middle, len(text) - _SAMPLE_CHARACTERS)
    return "\n".join(text[start : start + _SAMPLE_CHARACTERS] for start in starts)


def _classified(text: str) -> tuple[str, float]:
    """Return the most probable language that has a name, and its mean probability in all parts of a text."""
    probabilities: Counter[str] = Counter()
    for start in range(0, len(text), _PART):
        part = text[start : start + _PART]
        for code, probability in _identifier().rank(part):
            probabilities[_PART_OF.get(code, code)] += probability * len(part) / len(text)
    return max(((code, it) for code, it in probabilities.items() if code in _NAMES), key=lambda found: found[1])


def scripts(text: str) -> list[str]:
    """Return the scripts of the letters at the start of a text, as "LATIN", the one of most letters first.

    Chinese and Japanese letters are both "CJK".
    """
    found: Counter[str] = Counter()
    for script, count in _letters(text).items():
        found["CJK" if script in _KANA else script] += count
    return [script for script, _ in found.most_common()]


def _letters(text: str) -> Counter[str]:
    letters = [character for character in text[:_SAMPLE_CHARACTERS] if character.isalpha()][:_SCRIPT_LETTERS]
    return Counter(unicodedata.name(letter, "LATIN").split()[0] for letter in letters)


def _of_script(text: str, otherwise: str) -> str:
    """Return the language that a text's script suggests, or the other one if the script is Latin."""
    found = _letters(text)
    if any(found[script] for script in _KANA):
        return "ja"
    return next((_BY_SCRIPT.get(script, otherwise) for script, _ in found.most_common(1)), otherwise)


@cache
def _identifier() -> LanguageIdentifier:
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
