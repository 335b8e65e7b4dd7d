"""Tell which years a request asks to follow something through: "How did freight develop from 2014 to 2023?"."""

import re
from dataclasses import dataclass

from memorag_graph.text.account_requests import asks_for_account
from memorag_graph.text.numbers import YEAR

_ANY = 9999
_RANGE = re.compile(
    rf"({YEAR.pattern})\s*(?:[-–—~至到]|to|and|until|till|through|bis|und|à|et|al?|y|hasta|e|até|tot|en)\s*({YEAR.pattern})",
    re.IGNORECASE,
)
_SINCE = re.compile(rf"\b(?:since|seit|depuis|desde|dal|sinds) ({YEAR.pattern})", re.IGNORECASE)
_ALL_YEARS = re.compile(
    r"\b(?:over|through|throughout|across|during) (?:the|these|those|all(?: the)?)(?: [\w-]+){0,2}"
    r" (?:years|decades?|period)\b|\bover time\b|\byear (?:by|after|on) year\b|\b(?:each|every|from year to) year\b"
    r"|\büber die Jahre\b|\bau fil des ans\b|\ba lo largo de los años\b|历年",
    re.IGNORECASE,
)
_CHANGE = (
    r"\b(?:chang|develop|evolv|var(?:y|ied)\b|perform|progress|gr[eo]w|r[io]se|fall|fell|fluctuat|mov|far(?:ed?|ing)\b)"
)
_DEVELOPS = re.compile(
    rf"^\W*how (?:has|have|had|did|does|do)\b(?!.*\bhow (?:much|many)\b).*{_CHANGE}"
    r"|^\W*(?:what (?:happened to|became of)|describe|show|trace|follow)\b"
    r"|^\W*wie (?:hat|haben) sich .* (?:entwickelt|verändert)\b|^\W*comment .*\bévolu|^\W*cómo .*\bevolucion",
    re.IGNORECASE,
)


_ASKING = re.compile(rf"{_CHANGE}\w*", re.IGNORECASE)
_PERIOD = re.compile(
    rf"(?:\b(?:from|between|in|von|zwischen|de|entre|dal|tra|van|tussen)\s+)?{_RANGE.pattern}"
    rf"|{_SINCE.pattern}|{_ALL_YEARS.pattern}",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Period:
    """Years, both included."""

    first: int = 0
    last: int = _ANY

    def __contains__(self, year: int) -> bool:
        return self.first <= year <= self.last


def followed_period(request: str) -> Period | None:
    """Return the years through which a request asks to follow something; None if it does not.

    Known in English, in the years of a range in some other languages, and where an account is asked for
    (:mod:`memorag_graph.text.account_requests`).
    """
    if not (_DEVELOPS.search(request) or asks_for_account(request)):
        return None
    if (found := _RANGE.search(request)) and (first := int(found[1])) < (last := int(found[2])):
        return Period(first, last)
    if found := _SINCE.search(request):
        return Period(int(found[1]))
    return Period() if _ALL_YEARS.search(request) else None


def without_period(request: str) -> str:
    """Return a request without the years: "How did freight develop?"."""
    return _PERIOD.sub("", request)


def followed_words(request: str) -> str:
    """Return the words of a request that name what is followed, without the years and "change" or "develop"."""
    return _ASKING.sub("", without_period(request))
