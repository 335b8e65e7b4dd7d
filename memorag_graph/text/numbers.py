"""Read numbers, in figures or words."""

import re

YEAR = re.compile(r"(?<!\d)(?:1[5-9]|20)\d\d(?!\d)")
"""A number that may be a year."""

_FIGURES = re.compile(r"[-\u2212]?(\d+(?:[.,:/\u2013-]\d+)*)")

_WORDS = {
    "en": "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen twenty",
    "de": "null eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn "
    "sechzehn siebzehn achtzehn neunzehn zwanzig",
    "fr": "zéro un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize - - - vingt",
    "es": "cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciséis "
    "diecisiete dieciocho diecinueve veinte",
    "it": "- uno due tre quattro cinque sei sette otto nove dieci undici dodici tredici quattordici quindici "
    "sedici diciassette diciotto diciannove venti",
    "pt": "- um dois três quatro cinco seis sete oito nove dez onze doze treze catorze quinze dezesseis "
    "dezessete dezoito dezenove vinte",
    "nl": "nul een twee drie vier vijf zes zeven acht negen tien elf twaalf dertien veertien vijftien zestien "
    "zeventien achttien negentien twintig",
    "ru": "ноль один два три четыре пять шесть семь восемь девять десять одиннадцать двенадцать тринадцать "
    "четырнадцать пятнадцать шестнадцать семнадцать восемнадцать девятнадцать двадцать",
}
"""Cardinals from 0 to 20; a hyphen for those of several words, or that mean something else."""

_MORE = {
    "first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8, "ninth": 9,
    "tenth": 10, "eleventh": 11, "twelfth": 12, "once": 1, "twice": 2, "dozen": 12, "thirty": 30, "forty": 40,
    "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90, "hundred": 100, "thousand": 1000,
    "dreißig": 30, "vierzig": 40, "fünfzig": 50, "sechzig": 60, "siebzig": 70, "achtzig": 80, "neunzig": 90,
    "hundert": 100, "einhundert": 100, "tausend": 1000, "trente": 30, "quarante": 40, "cinquante": 50, "cent": 100,
    "treinta": 30, "cuarenta": 40, "cincuenta": 50, "cien": 100, "trenta": 30, "quaranta": 40, "cinquanta": 50,
    "trinta": 30, "quarenta": 40, "cinquenta": 50, "dertig": 30, "veertig": 40, "vijftig": 50, "honderd": 100,
    "тридцать": 30, "сорок": 40, "пятьдесят": 50, "сто": 100,
    **dict(zip("一二三四五六七八九十", range(1, 11), strict=True)), "两": 2, "百": 100, "千": 1000,
}  # fmt: skip
_ARTICLES = frozenset({"un", "um", "een", "one", "elf", "once", "six", "sei", "uno"})
"""Words that are articles, pronouns or words of another language, too."""

_VALUES = {
    word: value
    for words in _WORDS.values()
    for value, word in reversed(list(enumerate(words.split())))
    if word not in _ARTICLES and word != "-"
} | {**_MORE, "six": 6, "one": 1, "elf": 11}  # fmt: skip
_HYPHENED = re.compile(r"([^\W\d_]+ty)-([^\W\d_]+)")


def number_in(word: str) -> str | None:
    """Return the number that a word says, in figures; None if it says none: "38", "five" and "5mg" give numbers."""
    found = _FIGURES.match(word)
    if found:
        return found[1]
    lowered = word.lower()
    parts = _HYPHENED.fullmatch(lowered)
    if parts and parts[1] in _VALUES and parts[2] in _VALUES:
        return str(_VALUES[parts[1]] + _VALUES[parts[2]])
    return str(_VALUES[lowered]) if lowered in _VALUES else None
