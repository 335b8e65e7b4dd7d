"""Records are units of their own, whatever stands around them; prose that looks a little like them is not cut."""

import random

import pytest

from memorag_graph.text.code_notes import is_code_note
from memorag_graph.text.records import is_record, label_of, speaker_of
from memorag_graph.text.sentences import split_sentences
from tests.conftest import EXAMPLE, TEXT

RECORDS = [
    "Wifi password: tulip-river",
    "Depot: Leeds | Stock: 44 | Checked: 3. May, by Mr. Ott",
    "operating profit | 1083 | 1063",
    "| Leeds | 44 | Ask first. Then go. |",
    "2024-03-01 10:00:00,123 ERROR db: connection to db-7 lost. Retrying in 5 s",
    "[2024-03-01T10:00:00Z] pump 3 stopped. Pressure 4.1 bar",
    "Mar  1 10:00:04 gate sshd[12]: Accepted key. Session opened",
    '10.0.0.7 - - [01/Mar/2024:10:00:00 +0000] "GET /map HTTP/1.1" 200 17',
    "[WARN] disk is nearly full. Clean it",
    "ERROR: no such table. Create it first",
    '{"name": "Anna Petrov", "note": "Likes tea. And milk.", "tags": ["a", "b"]}',
    "Phone: 0151 440 9981",
    "Phone:0151 440 9981",
    "电话：0151 440 9981",
    'ts=2024-05-01T10:00:00Z level=info msg="pump 3 stopped. It was cold." code=7',
    "00:00:01,000 --> 00:00:04,000",
]


@pytest.mark.parametrize("record", RECORDS)
def test_a_record_alone_is_known(record: str) -> None:
    assert is_record(record) or "-->" in record
    assert [it.text for it in split_sentences(record, "en")] == [record]


@pytest.mark.parametrize("seed", range(20))
def test_records_among_prose_are_neither_cut_nor_joined(seed: int) -> None:
    picked = random.Random(seed)
    blocks = ["The ferry sailed at noon. It\nreturned in the evening, late.", "A heading", "Who came? Nobody."]
    parts = [picked.choice([*RECORDS[:-1], *blocks]) for _ in range(12)]
    text = "\n\n".join(parts)
    found = split_sentences(text, "en")
    assert all(text[it.start : it.end] == it.text for it in found)
    assert [it.text for it in found if it.is_record] == [part for part in parts if part in RECORDS]
    assert "".join("".join(it.text for it in found).split()) == "".join(text.split())


@pytest.mark.parametrize(
    "lines",
    [
        ["Name: Anna Petrov", "Born: 3 May 1980 in St. Ives", "Notes: came late. Left early."],
        ["1. Bins: Tuesday", "2. Check-out: noon", "3. Ring the bell twice"],
        ["Anna Petrov", "12 Mill Lane", "Leeds LS1 4AB"],
        ["name,city,phone", "Anna,Leeds,0151 440", "Bo,Hull,0151 441"],
        ["depot\tstock\tchecked", "Leeds\t44\tMay. 3", "Hull\t7\tMay. 4"],
        ["host = db-7", "port = 5432", "user = reader"],
        ["Invoice 2024-117", "Billed to: Harbour Board", "Total due: 412.50 EUR", "Pay by ........ 3 May"],
        ["INFO  start of pump 3", "INFO  stop of pump 3", "WARN  pressure. Look at it"],
        ["| Depot | Stock |", "|---|---|", "| Leeds | 44 |"],
        ["DB_PORT=5433", "MAX_UPLOAD=40MB"],
        ["1    Rye flour 25 kg      12    18.50", "2    Sea salt 10 kg        3     9.90"],
        ["Anna: Where are the keys?", "Bo: In the drawer.", "Anna: Thanks."],
    ],
)
def test_each_line_of_a_form_is_a_unit(lines: list[str]) -> None:
    assert [it.text for it in split_sentences("\n".join(lines), "en")] == lines


@pytest.mark.parametrize(
    "entries",
    [
        ["Anna Berg\nHead of sales\nanna.berg@example.org", "Timo Falk\nWarehouse\nMill Lane 2\nTel. 0431 55 02 17"],
        ["Name: Anna Berg\nPhone: 0431 5501\nRoom: 3", "Name: Timo Falk\nPhone: 0431 5502\nRoom: 4"],
        ["Supplier: Kestrel Ltd\nCity: Hull", "Supplier: Osprey AG\nCity: Bern\nSince: 2004"],
        ["Blue Heron\nMill Lane 4", "The Anchor\nPier 2", "Old Mill\nDock Road 9"],
    ],
)
def test_an_entry_of_several_lines_is_one_unit(entries: list[str]) -> None:
    text = "The list was made in May, after a long search.\n\n" + "\n\n".join(entries) + "\n\nNobody else came."
    assert [it.text for it in split_sentences(text, "en") if it.is_record] == entries


@pytest.mark.parametrize(
    "form",
    [
        ["Nome: Fulmine", "Razza: Maremmano", "Proprietario: Gino Salvi", "Box: 14", "Telefono: 0564 22 918"],
        ["Name: Otter", "Draught: 1.4 m", "Owner: Mrs Lund", "Insurer: Baltica", "Phone: 0471 220 109"],
        ["Opening hours", "Monday: 9 to 12", "Friday: 14 to 18", "Saturday: closed", "Emergency: 0171 555 290"],
        ["Sprechzeiten", "Montag: 9-12 Uhr", "Mittwoch: 15-18 Uhr", "Freitag: zu", "Notdienst: 0171 555 290"],
    ],
)
def test_the_lines_of_a_form_with_a_telephone_number_are_units(form: list[str]) -> None:
    assert [it.text for it in split_sentences("\n".join(form), "en")][-4:] == form[-4:]


def test_lines_below_a_name_that_are_labelled_as_those_of_other_names_are_one_entry() -> None:
    entries = [
        f"{name}\nOffice: {at}\nFaculty: {of}\nHours: {at} to 9\nPhone: 0551 22 1{at}"
        for at, (name, of) in enumerate([("Ada Brun", "Law"), ("Ole Lund", "Music")])
    ]
    assert [it.text for it in split_sentences("\n\n".join(entries), "en")] == entries
    alone = "Ada Brun\nStreet: Mill Lane 2\nCity: Hull\nPhone: 0551 22 19"
    assert [it.text for it in split_sentences(alone, "en")] == [alone]


@pytest.mark.parametrize(
    "units",
    [
        ['def rotate_keys(days=90):\n    """Replace each key that is older."""'],
        ["class Pump(Base):\n    '''Drains the hold.\n\n    '''".replace("\n\n", "\n    Runs at night.\n")],
        ["/** Sends a receipt by mail. */\nfunction mailReceipt(order) {"],
        ["/**\n * Sends a receipt.\n * Retries twice.\n */\nexport async function mailReceipt(order) {"],
        ["// Drain empties the hold.\nfunc (p *Pump) Drain() error {"],
        ["/// Drains the hold within 9 s.\npub fn drain(pump: &Pump) {"],
        ["# Drains the hold.\ndef drain(pump)"],
    ],
)
def test_a_declaration_and_the_comment_that_tells_what_it_does_are_one_unit(units: list[str]) -> None:
    text = "Some words about the pumps.\n\n" + "\n    run(pump, 20);\n\n".join([*units, "The end came late."])
    assert [it.text for it in split_sentences(text, "en") if it.is_record] == units
    assert all(map(is_code_note, units))
    assert not is_code_note("Name: Ada Brun\nPhone: 0151 440")


@pytest.mark.parametrize(
    "prose",
    [
        "# Notes\nclass action suits were filed by the miners, and\nthe function of the court was to hear them.",
        "- first\nfunction of time, as the clock (of Delft) shows.",
        "def is a word of the Arabs, they say.",
    ],
)
def test_words_of_declarations_in_prose_make_no_unit(prose: str) -> None:
    assert not [it.text for it in split_sentences(prose, "en") if it.is_record and "\n" in it.text]


def test_repeated_labels_group_the_lines_of_a_paragraph_but_not_the_turns_of_a_conversation() -> None:
    entries = ["Supplier: Kestrel Ltd\nCity: Hull", "Supplier: Osprey AG\nCity: Bern"]
    assert [it.text for it in split_sentences("\n".join(entries), "en")] == entries
    turns = ["Anna: Where are the keys?", "Bo: In the drawer.", "Anna: Which one?", "Bo: The left one."]
    assert [it.text for it in split_sentences("\n".join(turns), "en")] == turns
    assert [it.text for it in split_sentences("\n\n".join(["\n".join(turns[:2]), "\n".join(turns[2:])]), "en")] == turns


def test_objects_of_a_list_on_one_line_are_units() -> None:
    text = '[{"id": 1, "note": "It broke. Mend it."}, {"id": 2, "at": {"city": "Hull"}},{"id": 3}]'
    assert [it.text for it in split_sentences(text, "en")] == [
        '{"id": 1, "note": "It broke. Mend it."}',
        '{"id": 2, "at": {"city": "Hull"}}',
        '{"id": 3}',
    ]


PROSE = [
    "He had one rule: never look back, and he kept to it for all the years that he lived in the old\n"
    "house by the river: a house of five rooms, cold in winter.",
    "The town was quiet that year and the\npeople went on: they planted, they\nmended, they waited for the spring.",
    "There are three reasons: cost, time\nand the weather.",
    "The probability P(A | B) is the share of cases in which\nA holds among those where B does.",
    "On 2024-03-01 the harbour was closed for two\nweeks, and the ferries went to Hull instead.",
    "Note the hour: at ten the gate is shut, and\nnobody comes in, nobody goes out.",
    "She bought apples, pears, plums, figs and\nnuts, bread, milk, and a newspaper.",
    "It was the best of times,\nit was the worst of times,\nit was the age of wisdom.",
    'He said: "You will go there," and then he\nadded: "tomorrow at nine."',
]


@pytest.mark.parametrize("prose", PROSE)
def test_prose_with_colons_bars_and_wrapped_lines_is_not_taken_for_records(prose: str) -> None:
    for text in (prose, f"A heading\n\n{prose}\n\nWifi password: tulip-river"):
        found = [it.text for it in split_sentences(text, "en") if it.is_record]
        assert found == ([] if text == prose else ["Wifi password: tulip-river"])


def test_a_long_text_has_no_records() -> None:
    for text in (TEXT, EXAMPLE.read_text(encoding="utf-8")[:200_000]):
        sentences = split_sentences(text, "en")
        records = [it.text for it in sentences if it.is_record]
        assert len(records) < 0.005 * len(sentences), records[:5]


def test_the_turns_of_a_transcript_name_their_speaker() -> None:
    assert speaker_of("Professor E: So . OK . It works .") == "Professor E"
    assert speaker_of("He had one rule: never look back.") is None
    assert speaker_of("lower case: a key") is None
    assert label_of("Check-out: noon") == "Check-out"
    assert label_of("and so: we went") is None
    turns = "ANNA: I looked for the keys in the hall, in the kitchen and in the car. They were gone.\nBO: Look again."
    assert [it.text for it in split_sentences(turns, "en")] == [
        "ANNA: I looked for the keys in the hall, in the kitchen and in the car.",
        "They were gone.",
        "BO: Look again.",
    ]


@pytest.mark.parametrize(
    ("code", "text", "sentences"),
    [
        ("my", "ကျွန်တော်တို့သည် ရန်ကုန်မြို့တွင် နေသည်။ သူသည် စာဖတ်သည်။", 2),
        ("km", "ខ្ញុំនៅភ្នំពេញ។ គាត់អានសៀវភៅ។", 2),
        ("hi", "राम घर गया। सीता आई।", 2),
        ("ur", "میں گھر گیا۔ وہ آیا۔", 2),
        ("ar", "هل أنت هنا؟ نعم أنا هنا.", 2),
        ("zh", "他来了。她走了！", 2),
        ("ja", "彼は来た。彼女は行った。", 2),
        ("th", "ที่บ้านนาชาวบ้านซ่อมสะพานไม้\nที่บ้านสวนโรงเรียนได้รับหนังสือใหม่\nที่บ้านดอนวัดจัดงานบุญใหญ่", 3),
        ("lo", "ຊາວບ້ານສ້ອມແປງຂົວໄມ້\nໂຮງຮຽນໄດ້ຮັບປື້ມໃໝ່", 2),
        ("th", "ที่บ้านนาในปีนี้ชาวบ้านช่วยกันซ่อมสะพานไม้ข้ามคลอง ที่บ้านสวนในปีนี้โรงเรียนได้รับหนังสือใหม่จำนวนมาก", 2),
        ("th", "ในปี 2563 มีคนมา 40 คน", 1),
    ],
)
def test_what_counts_as_one_sentence_in_other_scripts(code: str, text: str, sentences: int) -> None:
    found = split_sentences(text, code)
    assert len(found) == sentences
    assert "".join("".join(it.text for it in found).split()) == "".join(text.split())


def test_a_form_with_a_telephone_number_is_no_entry_of_an_address_book() -> None:
    form = "Name: Lucia Robles\nBorn: 1978\nAllergies: penicillin\nDoctor: Dr Ferrer\nPhone: 91 555 0142"
    assert [it.text for it in split_sentences(form, "en")] == form.split("\n")
    entry = "Anna Petrov\nMill Lane 12\nPhone: 0113 496 0142\nMail: anna@example.org"
    assert [it.text for it in split_sentences(entry, "en")] == [entry]


def test_hostile_lines_take_linear_time() -> None:
    for text in ("a: " * 30_000, "|" * 60_000, '{"a":' * 20_000, "1." * 40_000, " . " * 30_000, "\t" * 60_000):
        assert "".join("".join(it.text for it in split_sentences(text, "en")).split()) == "".join(text.split())
