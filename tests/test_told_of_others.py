"""What a text tells of other versions, years, entries and things of the same kind is not given for what is asked."""

import pytest
from langchain_core.embeddings import Embeddings

from memorag_graph.generation.quotable_sentences import units_of
from memorag_graph.retrieval.retrieve import Evidence
from memorag_graph.text.identifiers import named_versions
from tests.test_field_answers import Ask, ask, ask_files, embeddings, in_files, quotes

pytestmark = pytest.mark.embedded

__all__ = ["ask", "embeddings"]  # fixtures

HOSTELS = "\n\n".join(
    f"Hostel {name}\nWifi password: {password}\nWarden: {warden}\nBeds: {beds}" for name, password, warden, beds in (
        ("Granite", "slate-77", "Ruta Janis", 24), ("Juniper", "berry-12", "Owain Rees", 16),
        ("Peat", "smoke-45", "Lucie Vanek", 40), ("Lichen", "grey-03", "Owain Rees", 12),
    )
)  # fmt: skip
HIVES = "\n".join(f"hive: H0{number} | site: Heath | honey_kg: {20 + number}.5" for number in range(7, 10))
WELLS = "\n".join(f"No.: W-{number} | Owner: Tull | Depth: {number + 3} m" for number in (20, 27, 41))
TERMS = {
    "terms_v1.txt": "Tickets.\n\nA day ticket costs 5.50 euros.\n\nPhotographs may be taken on the premises.",
    "terms_v2.txt": "Tickets.\n\nA day ticket costs 6.80 euros.\n\nPhotographs may not be taken on the premises.",
}
COTTAGES = {
    f"cottage_{bird}.txt": f"Owner: Ms {name}\nPhone: 0151 496 {number}\nKeys: under the pot"
    for bird, name, number in (("heron", "Low", "0021"), ("bittern", "Rae", "0117"), ("avocet", "Orr", "0388"))
}  # fmt: skip
RACES = {f"race_{year}.txt": f"Winner: {winner}\nRunners: {runners}\nStart: Market Hall" for year, winner, runners in (
    (2022, "Ada Roux", 310), (2023, "Dina Roux", 402), (2024, "Mirela Stan", 388),
)}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "question", "told"),
    [
        (HOSTELS, "How many beds does Juniper have?", "Beds: 16"),
        (HOSTELS, "What is the wifi password of Hostel Lichen?", "grey-03"),
        (HOSTELS, "Who is the warden of Hostel Peat?", "Lucie Vanek"),
        (HIVES, "How much honey did hive H08 give?", "28.5"),
        (WELLS, "How deep is well W-27?", "30 m"),
    ],
)
def test_the_entry_that_is_asked_for_is_the_only_one_quoted(ask: Ask, text: str, question: str, told: str) -> None:
    (found,) = quotes(ask(question, text))
    assert told in found


@pytest.mark.parametrize(
    ("text", "question", "absent"),
    [
        (HIVES, "How much honey did hive H12 give?", "H12"),
        (WELLS, "How deep is well W-34?", "W-34"),
        ("There are 48 boxes on three pallets. They are blue.", "What is the weight of the pallets?", "weight"),
        (
            "The boxes are blue. The defibrillator was moved to the hall.",
            "How much did the defibrillator cost?",
            "cost",
        ),
    ],
)
def test_what_no_entry_tells_is_refused_by_its_name(ask: Ask, text: str, question: str, absent: str) -> None:
    answer = ask(question, text)
    assert answer.abstained
    assert absent in " ".join(answer.notices)


def test_a_list_has_each_entry_with_its_name(ask: Ask) -> None:
    found = quotes(ask("Which hostels have Owain Rees as warden?", HOSTELS))
    assert found == ["Warden: Owain Rees"] * 2


def test_another_name_of_the_same_thing_is_not_taken_for_another_thing(ask: Ask) -> None:
    text = "The pilot cutter Heron joined the fleet in March. She had been called Vestfjell. She is twelve years old."
    assert "She had been called Vestfjell." in quotes(
        ask("What was the Heron called before she joined the fleet?", text)
    )


def test_what_a_pronoun_stands_for_is_the_name_not_the_sentence_before(ask: Ask) -> None:
    groups = {"Adlington Brass": "Mondays", "Bellfield Voices": "Tuesdays", "Lacock Consort": "Mondays"}
    text = "\n\n".join(
        f"{name} was founded in 1952. A concert is given before Christmas. It meets on {day} in the hall."
        for name, day in groups.items()
    )
    found = " ".join(quotes(ask("Which groups meet on Mondays?", text)))
    assert all((name in found) == (day == "Mondays") for name, day in groups.items())
    assert "concert" not in found


@pytest.mark.parametrize(("version", "price", "may"), [(1, "5.50", "may be"), (2, "6.80", "may not be")])
def test_the_version_that_a_question_names_is_quoted_alone(
    embeddings: Embeddings, version: int, price: str, may: str
) -> None:
    (found,) = in_files(embeddings, f"What does a day ticket cost according to version {version}?", TERMS)
    assert price in found
    (found,) = in_files(embeddings, f"May photographs be taken according to version {version}?", TERMS)
    assert may in found


def test_versions_are_read_from_questions_and_names() -> None:
    assert named_versions("according to version 1.4") == named_versions("terms_v1.4") == {"1.4"}
    assert named_versions("the 2 verses of v") == set()


@pytest.mark.parametrize(
    ("files", "question", "absent"),
    [
        (COTTAGES, "What is the phone number of Plover cottage?", "Plover"),
        (RACES, "Who was the winner in 2021?", "2021"),
    ],
)
def test_a_file_that_is_not_there_is_missed(
    embeddings: Embeddings, files: dict[str, str], question: str, absent: str
) -> None:
    answer = ask_files(embeddings, question, files)
    assert answer.abstained
    assert absent in " ".join(answer.notices)


def test_what_is_there_is_found_by_the_name_of_its_file(embeddings: Embeddings) -> None:
    assert in_files(embeddings, "What is the phone number of Bittern cottage?", COTTAGES) == ["Phone: 0151 496 0117"]
    assert in_files(embeddings, "Who was the winner in 2023?", RACES) == ["Winner: Dina Roux"]


@pytest.mark.parametrize(
    ("text", "question", "told"),
    [
        ("Fish out the stones. Boil hard for a while. Makes seven jars.", "How many jars does it make?", "seven jars"),
        (
            "Invoice no.:    KJ-0417\n\nItem   Qty   Amount\n\n"
            "      Subtotal          544.50\n      Total             653.40",
            "What is the total of the invoice?",
            "653.40",
        ),
        ("§ 43\n\nDogs stay out.\n\n§ 44\n\nRowing is settled by the warden.", "What stands in § 44?", "Rowing"),
        ("Article 10. Members are expelled.\n\nArticle 11. Charts are lent.", "Please quote Article 11.", "Charts"),
        ("From: Ann\nTo: Ben\nSubject: Blue tiles", "What is the subject of the message?", "Blue tiles"),
    ],
)
def test_short_lines_that_tell_are_found(ask: Ask, text: str, question: str, told: str) -> None:
    assert any(told in it for it in quotes(ask(question, text)))


def test_a_name_heads_the_labelled_lines_below_it() -> None:
    units = units_of([Evidence("a.txt", 0, len(HOSTELS), HOSTELS, 1.0)], "en")
    assert [it.citation.quote for it in units if it.is_heading] == [it.splitlines()[0] for it in HOSTELS.split("\n\n")]
    prose = "We met the warden\nRoom: the small one was free. It was cold.\nOwain Rees is his name."
    assert not any(it.is_heading for it in units_of([Evidence("a.txt", 0, len(prose), prose, 1.0)], "en"))


TRAVEL = {
    f"reise_{year}.md": f"Für Übernachtungen werden höchstens {most} Euro je Nacht erstattet."
    for year, most in ((2018, 80), (2023, 115))
}


def test_according_to_is_not_after(embeddings: Embeddings) -> None:
    question = "Wie viel wird nach der Reiseordnung {} je Nacht höchstens erstattet?"
    for year, most in ((2018, "80"), (2023, "115")):
        (found,) = in_files(embeddings, question.format(year), TRAVEL)
        assert most in found


@pytest.mark.parametrize(
    ("text", "code", "question", "told", "other"),
    [
        (
            "MUSEO DEL CORCHO\n\nAbre de diez a dos. Lo dirige Elvira Santacruz.\n\n"
            "MUSEO DE LA SAL\n\nAbre de once a siete. Lo dirige Bruno Ferrer.",
            "es", "¿Quién dirige el Museo de la Sal?", "Bruno Ferrer", "Santacruz",
        ),
        (
            "Çamlık kuyusu 34 metre derindir. Bekçisi Halil Aksoy'dur.\n\n"
            "Değirmen kuyusu 19 metre derindir. Bekçisi Emine Yurt'tur.",
            "tr", "Çamlık kuyusunun bekçisi kimdir?", "Halil Aksoy", "Emine",
        ),
        (
            "关于噪音的规定由理事会每年春天决定。违反者向基金缴纳43元，并以书面通知。\n\n"
            "关于船只的规定由理事会每年秋天决定。违反者向基金缴纳52元，并以书面通知。",
            "zh", "违反关于噪音的规定要缴纳多少元？", "43元", None,
        ),
        ("ຊາວບ້ານຊ່ວຍກັນສ້ອມແປງຂົວໄມ້ຂ້າມຫ້ວຍ\n\nກະແຈຫໍສະໝຸດຢູ່ກັບຄູບຸນມີ", "lo", "ກະແຈຫໍສະໝຸດຢູ່ກັບໃຜ?", "ຄູບຸນມີ", "ຂົວໄມ້"),
    ],
)  # fmt: skip
def test_so_it_is_in_other_languages(
    ask: Ask, text: str, code: str, question: str, told: str, other: str | None
) -> None:
    found = " ".join(quotes(ask(question, text, code)))
    assert told in found
    assert other is None or other not in found


def test_what_a_short_article_says_about_something_is_all_that_it_says(ask: Ask) -> None:
    article = "Article 33\n\nThe council makes the rules on letters. Whoever breaks them pays 61 florins."
    text = f"{article}\n\nArticle 34\n\nThe council makes the rules on dogs."
    assert any("61 florins" in it for it in quotes(ask("What does article 33 say about letters?", text)))


def test_a_first_word_may_be_a_name_where_questions_begin_with_their_subject(ask: Ask) -> None:
    text = "\n\n".join(f"{name} kuyusu {deep} metre derindir." for name, deep in (("Çamlık", 34), ("Taşlık", 51)))
    assert ask("Söğütlü kuyusu kaç metre derindir?", text, "tr").abstained
    assert "51" in " ".join(quotes(ask("Taşlık kuyusu kaç metre derindir?", text, "tr")))


@pytest.mark.parametrize(
    ("text", "question", "absent"),
    [
        ("The recommended dose of Velorin is 35 mg.", "What is the recommended dose of {}?", "Tamoxal"),
        ("2026-03-04 08:02:55 ERROR sensor T-17 lost\n2026-03-04 08:20:07 INFO sensor T-17 replaced",
         "When was sensor {} replaced?", "T-88"),
    ],
)  # fmt: skip
def test_one_other_name_is_enough_where_nothing_else_is_lacking(
    ask: Ask, text: str, question: str, absent: str
) -> None:
    refused = ask(question.format(absent), text)
    assert (refused.abstained, refused.notices) == (True, (f"No passage mentions {absent}.",))
    assert quotes(ask(question.format("Velorin" if "Velorin" in text else "T-17"), text))


def test_what_a_program_printed_is_quoted_beside_its_code(ask: Ask) -> None:
    text = "print('highest level:', levels.max(), 'cm')\n\nhighest level: 488 cm"
    assert "highest level: 488 cm" in quotes(ask("What was the highest level?", text))
