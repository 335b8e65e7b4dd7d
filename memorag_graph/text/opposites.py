"""Words whose exchange makes a statement another one: negations, opposites, units, months and days of the week."""

import re
from collections.abc import Iterable, Sequence, Set
from itertools import product

from memorag_graph.text.numbers import number_in

_NEGATIONS = frozenset({
    *("not", "no", "never", "none", "nobody", "nothing", "neither", "nor", "cannot", "without", "t", "needn", "don"),
    *("nicht", "kein", "keine", "keinen", "keinem", "keiner", "keines", "nie", "niemals", "niemand", "ohne", "weder"),
    *("ne", "pas", "aucun", "aucune", "jamais", "sans", "nunca", "ningún", "ninguna", "sin"),
    *("non", "mai", "senza", "não", "sem", "niet", "geen", "nooit", "zonder", "не", "нет", "никогда", "без", "нельзя"),
    *("nessun", "nessuna", "nessuno", "nenhum", "nenhuma", "ninguém", "nadie",),
    *("ikke", "ikkje", "inte", "ej", "ingen", "inget", "inga", "intet", "ingenting", "aldri", "aldrig", "uten", "utan"),
    *("uden", "nigdy", "bez", "nelze", "není", "nejsou", "nesmí", "немає", "ні", "ніколи", "δεν", "μην", "χωρίς"),
    *("ποτέ", "nem", "nincs", "nincsenek", "tilos", "soha", "eivät", "ilman", "fără", "niciun", "nicio", "tidak"),
    *("bukan", "tanpa", "jangan", "belum", "değil", "değildir", "değiller", "yok", "yoktur", "hiç", "hiçbir", "asla"),
    *("dilarang", "няма", "όχι", "không", "chưa", "chẳng", "đừng", "नहीं", "न", "मत", "बिना", "לא", "אין", "אסור"),
    *("בלי", "لا", "ولا", "ليس", "ليست", "لم", "لن", "غير", "بدون", "دون", "نیست", "نہیں"),
})  # fmt: skip
"""In the languages of Europe, Turkish, Vietnamese, Indonesian, Hindi, Urdu, Hebrew, Arabic and Persian, but for words
that mean something else in another one; parts of "don't" are words, too."""

_UNSPACED_NEGATIONS = (
    *("不", "没", "沒", "未", "無", "无", "非", "禁止", "ない", "ません", "않", "없", "못"),
    *("ไม่", "ห้าม", "មិន", "ហាម", "ບໍ່", "ຫ້າມ", "မ"),
)

_TURKISH_ENDINGS = tuple(
    (re.compile(rf"(?:{negated})$"), re.compile(rf"(?:{plain})$"))
    for negated, plain in (
        (r"m[ae]z(?:l[ae]r|d[ıi]r)?", r"[aeıiuü]r(?:l[ae]r)?"),
        (r"m[ıiuü]yor(?:l[ae]r)?", r"[ıiuü]yor(?:l[ae]r)?"),
        (r"m[ae]d[ıi](?:l[ae]r)?", r"[dt][ıiuü](?:l[ae]r)?"),
        (r"m[ae]y[ae]c[ae](?:k|kt[ıi]r|kl[ae]r)", r"[ae]c[ae](?:k|kt[ıi]r|kl[ae]r)"),
        (r"m[ae]m[ae]l[ıi](?:d[ıi]r)?", r"m[ae]l[ıi](?:d[ıi]r)?"),
    )
)
"""Endings of Turkish verbs that negate, and those in their place that do not: "girilmez", "girilir"."""

_LEAST_STEM = 2

_OPPOSITES = (
    "open/closed/shut opens/closes opened/closed allowed/forbidden/prohibited/banned "
    "permitted/forbidden/prohibited may/must/shall can/must must/should mandatory/optional/voluntary "
    "compulsory/optional required/optional included/excluded includes/excludes including/excluding "
    "inclusive/exclusive before/after always/never on/off free/paid free/charged enabled/disabled "
    "increase/decrease increases/decreases increased/decreased rise/fall rises/falls rose/fell raised/lowered "
    "up/down left/right north/south east/west first/last minimum/maximum least/most less/more earlier/later "
    "early/late morning/evening/afternoon/night/noon/midnight day/night am/pm noon/midnight true/false yes/no "
    "accepted/rejected/refused approved/rejected/refused granted/refused/denied won/lost alive/dead hot/cold "
    "warm/cold wet/dry full/empty public/private internal/external inside/outside indoor/outdoor above/below "
    "upper/lower weekdays/weekends weekly/monthly/yearly/daily/hourly/quarterly/annually gross/net buy/sell "
    "bought/sold male/female employer/employee landlord/tenant seller/buyer present/absent locked/unlocked "
    "valid/invalid legal/illegal safe/unsafe single/double half/whole second/first/third offen/geschlossen "
    "geöffnet/geschlossen erlaubt/verboten/untersagt gestattet/verboten/untersagt darf/muss dürfen/müssen "
    "kann/muss können/müssen soll/muss vor/nach immer/nie ein/aus vorher/nachher kostenlos/kostenpflichtig "
    "mit/ohne steigt/sinkt stieg/sank erhöht/gesenkt links/rechts nord/süd morgens/abends/mittags/nachts "
    "ja/nein angenommen/abgelehnt genehmigt/abgelehnt mindestens/höchstens inklusive/exklusive brutto/netto "
    "pflicht/freiwillig täglich/wöchentlich/monatlich/jährlich/vierteljährlich innen/außen oben/unten "
    "mieter/vermieter warm/kalt ouvert/fermé ouverte/fermée autorisé/interdit peut/doit avant/après "
    "toujours/jamais gratuit/payant abierto/cerrado permitido/prohibido puede/debe antes/después "
    "siempre/nunca gratis/pagado aperto/chiuso permesso/vietato può/deve prima/dopo sempre/mai aberto/fechado "
    "permitido/proibido pode/deve open/gesloten/dicht toegestaan/verboden mag/moet voor/na altijd/nooit "
    "открыт/закрыт разрешено/запрещено разрешён/запрещён разрешен/запрещен до/после можно/нельзя "
    "åpen/stengt åpent/stengt tillatt/forbudt åben/lukket åbent/lukket tilladt/forbudt öppen/stängd öppet/stängt "
    "tillåtet/förbjudet otwarty/zamknięty otwarte/zamknięte otwarta/zamknięta açık/kapalı açıktır/kapalıdır "
    "serbest/yasak serbesttir/yasaktır önce/sonra mở/đóng trước/sau खुला/बंद खुली/बंद खुले/बंद पहले/बाद "
    "مفتوح/مغلق مفتوحة/مغلقة مسموح/ممنوع قبل/بعد"
)
_GROUPS: tuple[frozenset[str], ...] = tuple(frozenset(group.split("/")) for group in _OPPOSITES.split())

MONTHS = (
    "january february march april may june july august september october november december januar februar "
    "märz april mai juni juli august september oktober november dezember janvier février mars avril mai juin "
    "juillet août septembre octobre novembre décembre enero febrero marzo abril mayo junio julio agosto "
    "septiembre octubre noviembre diciembre января февраля марта апреля мая июня июля августа сентября "
    "октября ноября декабря gennaio febbraio marzo aprile maggio giugno luglio settembre ottobre novembre dicembre "
    "janeiro fevereiro março maio junho julho setembro outubro dezembro januari februari maart mei augustus "
    "oktober maj augusti mars ocak şubat mart nisan mayıs haziran temmuz ağustos eylül ekim kasım aralık"
)
DAYS = (
    "monday tuesday wednesday thursday friday saturday sunday montag dienstag mittwoch donnerstag freitag "
    "samstag sonntag lundi mardi mercredi jeudi vendredi samedi dimanche lunes martes miércoles jueves "
    "viernes sábado domingo"
)
_UNITS = (
    "second minute hour day week month quarter year decade sekunde minute stunde tag woche monat jahr seconde "
    "heure jour semaine mois an année segundo hora día mes año",
    "mm cm dm m km millimetre millimeter centimetre centimeter metre meter kilometre kilometer mile foot feet "
    "yard inch meile fuß zoll",
    "mg µg μg g kg t gram gramme kilogram kilogramm kilo ton tonne pound ounce lb oz gramm pfund zentner",
    "c f k celsius fahrenheit kelvin",
    "€ $ £ ¥ euro dollar pound franc krone krona yen eur usd gbp chf sek dkk nok pln zloty cent pfund franken",
    "ml cl l litre liter gallon pint barrel",
    "kb mb gb tb kilobyte megabyte gigabyte terabyte",
    "w kw mw gw watt kilowatt megawatt",
    "pa kpa bar psi v kv volt a ma ampere",
)
_KINDS: tuple[frozenset[str], ...] = (
    frozenset(MONTHS.split()), frozenset(DAYS.split()), *(frozenset(units.split()) for units in _UNITS)
)  # fmt: skip
_FIRST_UNIT = 2
_ENDINGS = ("s", "n", "en", "e", "es")
_PER = frozenset({"per", "every", "each", "a", "an", "the", "pro", "je", "jede", "jeden", "jedes", "par", "al", "por"})


def is_negated(words: Iterable[str]) -> bool:
    """Return whether one of some words is a negation."""
    found = [word.casefold() for word in words]
    return not _NEGATIONS.isdisjoint(found) or any(it in "".join(found) for it in _UNSPACED_NEGATIONS)


def negate_each_other(first: Sequence[str], second: Sequence[str]) -> bool:
    """Return whether one of two groups of words is negated, by a word or by the ending of a Turkish verb."""
    if is_negated(first) != is_negated(second):
        return True
    return any(_differ_by_ending(one, other) for one, other in product(first, second))


def only_negates(words: Iterable[str], empty: Set[str]) -> bool:
    """Return whether some words are nothing but negations and words without content, which are given in lower case."""
    rest = "".join(word for word in map(str.casefold, words) if word not in _NEGATIONS and word not in empty)
    for negation in _UNSPACED_NEGATIONS:
        rest = rest.replace(negation, "")
    return not rest


def _differ_by_ending(first: str, second: str) -> bool:
    """Return whether two words are forms of one Turkish verb of which one is negated."""
    one, other = first.casefold(), second.casefold()
    if one[:_LEAST_STEM] != other[:_LEAST_STEM]:
        return False
    for negated, plain in _TURKISH_ENDINGS:
        if bool(negated.search(one)) != bool(negated.search(other)):
            return bool(plain.search(other if negated.search(one) else one))
    return False


def are_opposite(first: Iterable[str], second: Iterable[str]) -> bool:
    """Return whether the first words hold an opposite of one of the second."""
    one, other = ({form for word in words for form in _forms(word)} for words in (first, second))
    return any(one & group and other & group and not one & other & group for group in _GROUPS)


def are_alike_in_kind(first: Sequence[str], second: Sequence[str], before: str) -> bool:
    """Return whether words differ by a month, a day of the week or a unit.

    Args:
        first: Words of one text.
        second: The words of another text in their place.
        before: The word before them in both; a unit stands after a number or a word such as "per".
    """
    for number, kind in enumerate(_KINDS):
        one, other = ({unit for word in words if (unit := _in(kind, word))} for words in (first, second))
        counted = number_in(before) is not None or before.casefold() in _PER or before in "°€$£"
        has_number = any(number_in(word) is not None for word in (*first, *second))
        if one and other and one != other and (number < _FIRST_UNIT or counted or has_number):
            return True
    return False


def _in(kind: frozenset[str], word: str) -> str | None:
    """Return a word as the kind has it; None if it is of another kind."""
    return next((form for form in _forms(word) if form in kind), None)


def _forms(word: str) -> list[str]:
    """Return a word in lower case, and without each ending of a plural that it has."""
    lowered = word.casefold()
    return [
        lowered,
        *(lowered.removesuffix(it) for it in _ENDINGS if lowered.endswith(it) and len(lowered) > len(it) + 1),
    ]
