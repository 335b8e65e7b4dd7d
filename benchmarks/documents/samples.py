"""Invented documents of which everything is known: sentences in order, a table, a sentence that no reader sees."""

import random
from dataclasses import dataclass
from html import escape
from typing import NamedTuple

PLACES = ("Arden", "Belmont", "Corvane", "Dunmore", "Eastley", "Farrow", "Glenside", "Harwick", "Inverlea", "Jarrow")


class Wording(NamedTuple):
    """How a language says the document: ``cell`` asks for a column of a row, ``sentence`` tells a fact."""

    title: str
    first: str
    columns: tuple[str, ...]
    cell: str
    sentence: str
    verbs: tuple[str, ...]
    things: tuple[str, ...]


WORDINGS = {
    "en": Wording(
        "Report of the {} railway",
        "Depot",
        ("Engines", "Wagons", "Staff"),
        "How many {} does {} have?",
        "The {place} depot {verb} {number} {thing} in {year}.",
        ("repaired", "sold", "painted", "lost"),
        ("engines", "wagons", "signals", "tickets"),
    ),
    "de": Wording(
        "Bericht der Bahn von {}",
        "Betriebshof",
        ("Loks", "Wagen", "Personal"),
        "Wie viele {} hat {}?",
        "Der Betriebshof {place} {verb} {year} genau {number} {thing}.",
        ("reparierte", "verkaufte", "lackierte", "verlor"),
        ("Loks", "Wagen", "Signale", "Fahrkarten"),
    ),
    "ru": Wording(
        "Отчёт дороги {}",
        "Депо",
        ("Паровозы", "Вагоны", "Рабочие"),
        "Сколько {} в {}?",
        "В {year} году депо {place} {verb} {number} {thing}.",
        ("починило", "продало", "покрасило", "потеряло"),
        ("паровозов", "вагонов", "сигналов", "билетов"),
    ),
    "ar": Wording(
        "تقرير سكة حديد {}",
        "المستودع",
        ("القاطرات", "العربات", "العمال"),
        "كم عدد {} في {}؟",
        "في عام {year} {verb} مستودع {place} عدد {number} من {thing}.",
        ("أصلح", "باع", "صبغ", "فقد"),
        ("القاطرات", "العربات", "الإشارات", "التذاكر"),
    ),
}

HIDDEN = "Nobody who reads this page can see sentence {}."


@dataclass(frozen=True)
class Section:
    """A heading and the sentences below it."""

    heading: str
    sentences: tuple[str, ...]

    @property
    def paragraphs(self) -> list[str]:
        """The sentences, three to a paragraph."""
        return [" ".join(self.sentences[at : at + 3]) for at in range(0, len(self.sentences), 3)]


@dataclass(frozen=True)
class Sample:
    """A document: a title, sections, a table at the end, and a sentence for formats that can hide one.

    Attributes:
        language: Code of its language.
        title: The title.
        sections: The sections, in order.
        columns: Names of the table's columns.
        rows: Its rows; no number occurs twice.
        hidden: The sentence that readers do not see.
    """

    language: str
    title: str
    sections: tuple[Section, ...]
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    hidden: str

    @property
    def sentences(self) -> list[str]:
        """All sentences, in order."""
        return [sentence for section in self.sections for sentence in section.sentences]

    @property
    def is_rtl(self) -> bool:
        """Whether it is written from right to left."""
        return self.language == "ar"


def sample(seed: int, language: str = "en", sections: int = 3, sentences: int = 9, rows: int = 8) -> Sample:
    """Make a document; the same seed makes the same one."""
    chance = random.Random(seed)
    said = WORDINGS[language]
    numbers = iter(chance.sample(range(100, 10_000), 1000))

    def sentence() -> str:
        place, verb, thing = chance.choice(PLACES), chance.choice(said.verbs), chance.choice(said.things)
        return said.sentence.format(
            place=place, verb=verb, thing=thing, number=next(numbers), year=chance.randint(1990, 2024)
        )

    made = tuple(
        Section(f"{at}. {chance.choice(PLACES)} {at}", tuple(sentence() for _ in range(sentences)))
        for at in range(1, sections + 1)
    )
    names = [f"{place} {number}" for number in range(1, rows // len(PLACES) + 2) for place in PLACES][:rows]
    table = tuple((name, *(str(next(numbers)) for _ in said.columns)) for name in names)
    return Sample(language, said.title.format(seed), made, (said.first, *said.columns), table, HIDDEN.format(seed))


def as_markdown(given: Sample) -> str:
    """Write the document as Markdown, without the hidden sentence."""
    blocks = [f"# {given.title}"]
    for section in given.sections:
        blocks += [f"## {section.heading}", *section.paragraphs]
    lines = [f"| {' | '.join(row)} |" for row in (given.columns, ["---"] * len(given.columns), *given.rows)]
    return "\n\n".join([*blocks, "\n".join(lines)]) + "\n"


def as_html(given: Sample, style: str = "", *, new_pages: bool = False, hides: bool = True) -> str:
    """Write the document as HTML, with the hidden sentence unless a program would show it; sections may begin pages."""
    of_page = ' style="break-before: page"'
    body = [f"<h1>{escape(given.title)}</h1>"]
    for number, section in enumerate(given.sections):
        body.append(f"<h2{of_page if new_pages and number else ''}>{escape(section.heading)}</h2>")
        body += [f"<p>{escape(paragraph)}</p>" for paragraph in section.paragraphs]
    if hides:
        body.append(f'<p class="gone">{escape(given.hidden)}</p>')
    head = "".join(f"<th>{escape(name)}</th>" for name in given.columns)
    rows = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in given.rows)
    direction = ' dir="rtl"' if given.is_rtl else ""
    return (
        f'<!DOCTYPE html><html lang="{given.language}"{direction}><head><meta charset="utf-8">'
        f"<title>{escape(given.title)}</title><style>.gone {{ display: none }} table, td, th "
        f"{{ border: 1px solid; border-collapse: collapse }} {style}</style></head><body><main>"
        f"{''.join(body)}<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></main></body></html>"
    )
