"""Read a question in the words of a text that are of the same families: "paid" and "payment", "three" and "3".

A stemmer ties "pays" to "payment", but neither to "paid"; and nobody asks "What is the line's length?" who may ask
how long it is.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache

from memorag_graph.generation.asked_terms import held_terms
from memorag_graph.text.numbers import number_in

_WORD = re.compile(r"[^\W_]+(?:-[^\W\d_]+)?")
_LOWER = re.compile(r"(?<![^\W_.,:-])(?:[^\W\d_A-Z][^\W\d_]+(?:-[^\W\d_]+)?|\d{1,3}(?![^\W_]|[.,:-]\d))")
_FAMILIES = {
    "en": (
        "pay paid payment payable / sell sold sale seller / buy bought purchase purchased buyer / "
        "send sent sender / give given gave gift / hold held / take took taken / lead led leader / lend lent / "
        "leave left / lose lost loss / win won winner / build built / "
        "begin begins began begun start starts started / end ends ended finish finished / "
        "choose chose chosen choice / speak spoke spoken speaker / write wrote written writer author / "
        "teach taught teacher / meet met meeting / grow grew grown growth / fly flew flown flight / "
        "drive drove driven driver / eat ate eaten / steal stole stolen theft / find found / keep kept / "
        "make made / catch caught / fall fell fallen / break broke broken / die died dead death deceased / "
        "live lived life / marry married wife husband spouse marriage / born birth birthday / weigh weight / "
        "retain retention / maintain maintenance / decide decision / apply application applicant / "
        "describe description / permit permission / receive received receipt recipient / arrive arrival / "
        "expire expiry expiration / produce production producer / destroy destruction / "
        "submit submission / admit admission / extend extension / conclude conclusion / divide division / "
        "invade invasion / prove proof / believe belief / advise advice / analyse analyze analysis / "
        "compete competition competitor / complain complaint / know knew known / go went gone / come came / "
        "see saw seen / run ran / ride rode ridden rider / sing sang sung / swim swam swum / spend spent / "
        "feed fed / bring brought / draw drew drawn / hide hid hidden / throw threw thrown / tell told / "
        "cost price fee charge / phone telephone tel / email e-mail mail / wage salary / "
        "job occupation profession / rent rental / staff employees personnel / doctor physician / "
        "boss manager head / kids children"
    ),
}
"""Forms and relatives of words that no stemmer ties together, by language."""

_MEASURES = {
    "en": (
        "how",
        "long length duration term / high height altitude elevation / tall height / wide width breadth / deep depth "
        "/ old age / heavy weight / far distance / big size area / large size area capacity / fast speed "
        "/ often frequency interval / thick thickness / hot temperature / cold temperature / warm temperature "
        "/ expensive price cost fee",
    ),
    "de": (
        "wie",
        "lang länge dauer laufzeit / lange dauer laufzeit länge / hoch höhe / breit breite / tief tiefe / alt alter "
        "/ schwer gewicht / weit entfernung / groß größe fläche / schnell geschwindigkeit / dick dicke / teuer preis "
        "kosten gebühr / oft häufigkeit",
    ),
    "nl": (
        "hoe",
        "lang lengte duur / hoog hoogte / breed breedte / diep diepte / oud leeftijd / zwaar gewicht / duur prijs",
    ),
}
"""The word before an adjective that asks for a measure, and the adjectives, each with nouns for that, by language."""


def in_words_of(texts: Iterable[str], question: str, language_code: str) -> str:
    """Return a question with words that the texts lack replaced by words of the same family that they hold.

    Args:
        texts: The sentences of the evidence.
        question: The question.
        language_code: Language of the texts.
    """
    texts = list(texts)
    families, measures = _families(language_code), _measures(language_code)

    @cache
    def numbers() -> dict[str, str]:
        words = {word.lower() for text in texts for word in _WORD.findall(text)}
        return {number: word for word in sorted(words) if (number := number_in(word))}

    @cache
    def held() -> set[str]:  # most questions have no word of a family, and do not ask
        return {term for text in texts for term in held_terms(text, language_code)}

    def told(word: str, family: Sequence[str]) -> str:
        known = (it for it in (word, *family) if held().intersection(held_terms(it, language_code)))
        return next(known, word) if family else word

    if measures:
        asking, _ = _MEASURES[language_code]
        adjective = re.compile(rf"(?<=\b{asking} )(?:{'|'.join(measures)})\b", re.IGNORECASE)
        question = adjective.sub(lambda found: told(found[0], measures[found[0].lower()]), question)

    def in_family(found: re.Match[str]) -> str:
        if (number := number_in(found[0])) and number in numbers():
            return told(found[0], (numbers()[number],))
        stems = held_terms(found[0], language_code)
        return told(found[0], next((families[stem] for stem in stems if stem in families), ()))

    return _LOWER.sub(in_family, question)


@cache
def _families(language_code: str) -> Mapping[str, tuple[str, ...]]:
    """Return each term of a language's families with the words of its family."""
    families = [tuple(family.split()) for family in _FAMILIES.get(language_code, "").split("/")]
    return {term: family for family in families for word in family for term in held_terms(word, language_code)}


@cache
def _measures(language_code: str) -> Mapping[str, tuple[str, ...]]:
    """Return the adjectives that ask for a measure with nouns for that."""
    _, table = _MEASURES.get(language_code, ("", ""))
    rows = [tuple(row.split()) for row in table.split("/") if row.strip()]
    return {adjective: tuple(nouns) for adjective, *nouns in rows}
