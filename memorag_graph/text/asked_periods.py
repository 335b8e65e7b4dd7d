"""Tell which years a request asks to follow something through: "How did freight develop from 2014 to 2023?"."""

import re
from collections.abc import Collection
from dataclasses import dataclass

from memorag_graph.text.account_requests import asks_for_account
from memorag_graph.text.numbers import YEAR

_ANY = 9999
_MONTHS = "jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec"
_MONTH = rf"(?:(?:the )?(?:start|end|beginning) of |the year |(?:{_MONTHS})[a-z]*\.? )?"
_UNITS = "rpm|hz|[km]?m|kg|tons|tonnes|units|people|pounds|euros|dollars|hours|minutes|steps|feet|met(?:re|er)s"
"""What stands after a range that is none of years."""

_RANGE = re.compile(
    rf"(?:\bbetween {_MONTH}({YEAR.pattern}) and {_MONTH}({YEAR.pattern})|({YEAR.pattern})\s*"
    rf"(?:[-–—~至到]|to|until|till|through|bis|à|al?|hasta|até|tot(?: en met)?)\s*{_MONTH}({YEAR.pattern}|\d\d(?!\d)))"
    rf"(?!\s*(?:[%°€£$]|(?:{_UNITS})\b))",
    re.IGNORECASE,
)
_SINCE = re.compile(rf"\b(?:since|seit|depuis|desde|dal|sinds) {_MONTH}({YEAR.pattern})", re.IGNORECASE)
_NUMBERS = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10}
_LATEST = re.compile(
    rf"\b(?:(?:over|in|during|through|throughout|across|for) )?(?:the )?(?:last|past) ({'|'.join(_NUMBERS)}|\d\d?)"
    r" years\b",
    re.IGNORECASE,
)
_ALL_YEARS = re.compile(
    r"\b(?:over|through(?:out)?|across|during) (?:(?:the|these|those|all(?: the)?|a)(?: [\w-]+){0,2} (?:years|decades?)"
    r"|(?:the|this|these|those|the whole|the entire) periods?)\b"
    r"|\bover time\b|\byear (?:by|after|on) year\b|\b(?:in )?(?:each|every) year\b|\bfrom year to year\b"
    r"|\büber die Jahre\b|\bau fil des ans\b|\ba lo largo de los años\b|历年",
    re.IGNORECASE,
)
_VERB = re.compile(
    r"\b(?:change[ds]?|changing|develop(?:s|ed|ing)?|evolve[ds]?|evolving|var(?:y|ies|ied)|perform(?:s|ed)?"
    r"|progress(?:es|ed)?|grows?|grew|grown|rises?|risen|rose|falls?|fell|fallen|fluctuate[ds]?|moved?"
    r"|fare[ds]?|faring)\b",
    re.IGNORECASE,
)
_HOW = re.compile(
    r"^\W*how (?:has|have|had|did|does|do(?! (?:I|we|you)\b))\b(?!.*\bhow (?:much|many)\b)", re.IGNORECASE
)
_COURSE = re.compile(
    r"^\W*(?:what (?:happened to|became of)|(?:describe|show|trace|explain)(?: me)? (?:how|(?:the )?(?:\w+ )?"
    r"(?:development|course|history|evolution|changes?|trends?|growth|rise|fall|decline)\b))"
    r"|^\W*wie (?:hat|haben) sich .* (?:entwickelt|verändert)\b|^\W*comment .*\bévolu|^\W*cómo .*\bevolucion",
    re.IGNORECASE,
)
_TELLS_HOW = re.compile(r"\bhow\b", re.IGNORECASE)
_INSTRUCTS = re.compile(r"\bhow to\b", re.IGNORECASE)
_WAS = re.compile(r"^\W*(?:what|how|how (?:much|many|large|high) [\w ]+?) (?:was|were)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Period:
    """Years that are asked for: from the first to the last, or the latest ones that are known.

    Attributes:
        first: The first.
        last: The last.
        latest: How many of the last known are meant; 0 for all of them.
    """

    first: int = 1
    last: int = _ANY
    latest: int = 0

    def of(self, known: Collection[int]) -> list[int]:
        """Return those of the known years that are meant, in order."""
        found = sorted({year for year in known if self.first <= year <= self.last})
        return found[-self.latest :] if self.latest else found


def followed_period(request: str) -> Period | None:
    """Return the years through which a request asks to follow something; None if it does not.

    Known in English, in the years of a range in some other languages, and where an account is asked for
    (:mod:`memorag_graph.text.account_requests`).
    """
    if _INSTRUCTS.search(request):
        return None
    changes = _HOW.match(request) and _VERB.search(request)
    if changes or _COURSE.match(request) or asks_for_account(request):
        return _years(request)
    # "What was net debt each year?"
    return Period() if _WAS.match(request) and _ALL_YEARS.search(request) else None


def _years(request: str) -> Period | None:
    if found := _RANGE.search(request):
        first, last = filter(None, found.groups())
        period = Period(int(first), int(last if YEAR.fullmatch(last) else first[:2] + last))
        return period if period.first < period.last else None
    if found := _SINCE.search(request):
        return Period(int(found[1]))
    if found := _LATEST.search(request):
        return Period(latest=_NUMBERS.get(found[1].lower()) or int(found[1]))
    return Period() if _ALL_YEARS.search(request) else None


_PERIOD = re.compile(
    rf"(?:\b(?:from|in|von|de|dal|van)\s+)?{_MONTH}{_RANGE.pattern}|{_SINCE.pattern}|{_LATEST.pattern}"
    rf"|{_ALL_YEARS.pattern}",
    re.IGNORECASE,
)


def without_period(request: str) -> str:
    """Return a request without the years: "How did freight develop?"."""
    return " ".join(_PERIOD.sub("", request).split())


def followed_words(request: str) -> str:
    """Return the words of a request that name what is followed, without the years and the verb, as "change"."""
    bare = without_period(request)
    verbs = list(_VERB.finditer(bare)) if _TELLS_HOW.search(bare) else []
    return " ".join(f"{bare[: verbs[-1].start()]}{bare[verbs[-1].end() :]}".split()) if verbs else bare
