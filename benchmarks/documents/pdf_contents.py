"""What the sample PDF files say: sentences with their own numbers, tables, and text that no reader of the page sees."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

_SUBJECTS = (
    "The harbour office",
    "A pilot from Inshay",
    "The lighthouse keeper",
    "The ferry company",
    "The town council",
)
_VERBS = ("counted", "ordered", "sold", "lost", "repaired", "inspected")
_OBJECTS = ("barrels of salt", "lengths of rope", "lanterns", "oak planks", "crates of tea", "fishing licences")
_ENDS = ("before the ice came", "during the second winter", "without telling anybody", "at the request of the owners")
_PLACES = ("Leeds", "York", "Hull", "Ripon", "Selby", "Whitby", "Malton", "Filey", "Otley", "Thirsk")
_SIDES = ("North", "South", "East", "West", "Mid")


@dataclass(frozen=True)
class Table:
    """A table: names of its columns and the cells of its rows."""

    names: Sequence[str]
    rows: Sequence[Sequence[str]]


def sentences(count: int, seed: int) -> list[str]:
    """Sentences of about a line, each with a number that no other has."""
    random = Random(seed)
    return [
        f"{random.choice(_SUBJECTS)} {random.choice(_VERBS)} {seed * 1000 + number} {random.choice(_OBJECTS)} "
        f"{random.choice(_ENDS)}."
        for number in range(count)
    ]


def paragraphs(count: int, seed: int, each: int = 5) -> list[str]:
    """Paragraphs of a few sentences."""
    all_sentences = sentences(count * each, seed)
    return [" ".join(all_sentences[start : start + each]) for start in range(0, count * each, each)]


def figures(rows: int, seed: int) -> Table:
    """A table of figures: depots and what they have."""
    random = Random(seed)
    names = ("Depot", "Revenue", "Costs", "Staff")
    places = [f"{place} {side}" for side in _SIDES for place in _PLACES]

    def row(place: str) -> tuple[str, ...]:
        money = [f"{random.randint(1000, 9999):,}" for _ in range(2)]
        return place, *money, str(random.randint(10, 99))

    return Table(names, [row(place) for place in places[:rows]])


def descriptions(rows: int, seed: int) -> Table:
    """A table whose cells are words, some longer than their column is wide."""
    random = Random(seed)
    return Table(("Part", "Supplier", "Remark"), [
        (f"Part {seed}{number:02}", f"{random.choice(_PLACES)} Works", " ".join(sentences(2, seed * 100 + number)))
        for number in range(rows)
    ])  # fmt: skip


ARABIC = (
    "السلام عليكم ورحمة الله.",
    "لا يجوز للموظف أن ينقل 25 يوما من الإجازة إلى السنة التالية.",
    "الأسئلة ترسل إلى المكتب قبل 30 يونيو 2024.",
)
HEBREW = (
    "הנמל נסגר בחודש ינואר בגלל הקרח.",
    "בשנת 1931 נמכרה הסירה תמורת 480 כתרים.",
    "השומר (אדם זקן) גר במגדלור 12 שנים.",
)
