"""Files of the kinds that people have are answered with the right value, by the embedded embedding model."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from langchain_core.embeddings import Embeddings

from memorag_graph.documents import NO_PAGES, PageMap
from memorag_graph.documents.numbered_headings import with_numbered
from memorag_graph.generation.answer import Answer, GenerationInput
from memorag_graph.generation.extractive_generator import ExtractiveGenerator
from memorag_graph.models.loading import ModelSource, load_embeddings
from memorag_graph.prompts import Prompts
from memorag_graph.retrieval.keyword_index import KeywordIndex
from memorag_graph.retrieval.retrieve import Evidence
from memorag_graph.text.chunking import Chunk
from memorag_graph.text.languages import language

pytestmark = pytest.mark.embedded

FIELD = Path(__file__).parent / "field"
Ask = Callable[..., Answer]


@pytest.fixture(scope="module")
def embeddings() -> Embeddings:
    return load_embeddings(ModelSource("embedded"))


@pytest.fixture
def ask(embeddings: Embeddings) -> Ask:
    def run(question: str, text: str, code: str = "en", source: str = "a.txt", page_map: PageMap = NO_PAGES) -> Answer:
        """Ask a text whose paragraphs are the evidence."""
        passages, start = [], 0
        for block in text.split("\n\n"):
            start = text.index(block, start)
            if block.strip():
                passages.append(Evidence(source, start, start + len(block), block, 1.0, page_map=page_map))
        chunks = [Chunk(source, 0, it.start, it.end, it.text) for it in passages]
        given = GenerationInput(
            question=question, task_type="memorag", evidence=passages, outline=[], draft="",
            prompts=Prompts(language(code)), rarity=KeywordIndex.from_chunks(chunks, code).rarity(question),
        )  # fmt: skip
        answer = ExtractiveGenerator(embeddings=embeddings).invoke(given)
        assert all(text[it.start : it.end] == it.quote for it in answer.citations)
        return answer

    return run


def quotes(answer: Answer) -> list[str]:
    assert not answer.abstained
    return [citation.quote for citation in answer.citations]


@pytest.mark.parametrize(
    ("question", "value"),
    [
        ("What is the wifi password?", "Wifi password: tulip-river"),
        ("What is the wifi network called?", "Wifi network: Heron"),
        ("Who is the landlord?", "Landlord: Mrs Okafor"),
        ("What is the phone number?", "Phone: 0151 440 9981"),
        ("When is check-out?", "Check-out: noon"),
        ("On which day are the bins?", "Bins: Tuesday"),
    ],
)
def test_a_labelled_value_is_quoted(ask: Ask, question: str, value: str) -> None:
    assert value in quotes(ask(question, (FIELD / "short_keyvalue.txt").read_text()))


@pytest.mark.parametrize("number", [1, 7, 23, 31])
def test_what_an_article_says_is_what_stands_under_its_heading(ask: Ask, number: int) -> None:
    truth = json.loads((FIELD / "statutes_truth.json").read_text())[str(number)]
    answer = ask(f"What does Article {number} say?", (FIELD / "statutes.txt").read_text())
    assert " ".join(quotes(answer)) == truth.split("\n\n", 1)[1]
    assert answer.text.startswith(f"(Article {number}) The rules on")
    assert answer.conflicts == ()


@pytest.mark.parametrize(
    ("question", "begins", "holds"),
    [
        ("ที่บ้านสวนในปีนี้โรงเรียนได้รับอะไร", "ที่บ้านสวน", "หนังสือใหม่"),
        ("ปีนี้เกิดอะไรขึ้นกับนาข้าวที่บ้านหนอง", "ที่บ้านหนอง", "ฝนตกหนัก"),
        ("ตลาดที่บ้านท่าย้ายไปอยู่ที่ไหน", "ที่บ้านท่า", "ริมถนนใหญ่"),
    ],
)
def test_thai_is_answered_with_the_sentence_of_the_village(ask: Ask, question: str, begins: str, holds: str) -> None:
    found = quotes(ask(question, (FIELD / "thai_villages.txt").read_text(), "th"))
    assert any(quote.startswith(begins) and holds in quote and "\n" not in quote for quote in found)


WITHOUT_SPACES = {
    "th": (
        "โรงพยาบาลประจำอำเภอมีแพทย์แปดคนและพยาบาลสามสิบคน\n\nห้องสมุดประชาชนปิดทุกวันจันทร์\n\n"
        "รถประจำทางสายห้าออกจากตลาดทุกครึ่งชั่วโมง\n\nน้ำตกผาแดงสูงสี่สิบเมตรและอยู่ห่างจากหมู่บ้านหกกิโลเมตร"
    ),
    "lo": ("ໂຮງຮຽນຂອງບ້ານມີຄູສິບສອງຄົນ ແລະ ນັກຮຽນສອງຮ້ອຍຄົນ.\n\nລົດເມອອກຈາກຕະຫຼາດທຸກໆເຄິ່ງຊົ່ວໂມງ.\n\nໂຮງໝໍເປີດຮັບຄົນເຈັບຕະຫຼອດຄືນ."),
    "km": ("សាលារៀននៃភូមិមានគ្រូដប់ពីរនាក់។\n\nវត្តចាស់ត្រូវបានសាងសង់ដោយជាងមកពីសៀមរាប។\n\nអ្នកភូមិដាំស្រូវនិងពោតនៅរដូវវស្សា។"),
    "my": "ရွာကျောင်းတွင် ဆရာ ဆယ့်နှစ်ဦး ရှိသည်။\n\nဘတ်စ်ကားသည် ဈေးမှ နာရီဝက်တိုင်း ထွက်သည်။\n\nဆေးရုံကို တစ်ညလုံး ဖွင့်ထားသည်။",
}


@pytest.mark.parametrize(
    ("code", "question", "value"),
    [
        ("th", "โรงพยาบาลมีแพทย์กี่คน", "แปดคน"),
        ("th", "น้ำตกผาแดงสูงเท่าไร", "สี่สิบเมตร"),
        ("th", "ประธานาธิบดีของสหรัฐอเมริกาคือใคร", None),
        ("th", "ใครเป็นผู้ชนะการแข่งขันฟุตบอลโลก", None),
        ("th", "เครื่องบินลำนี้บินเร็วเท่าไร", None),
        ("lo", "ໂຮງຮຽນມີຄູຈັກຄົນ", "ສິບສອງ"),
        ("lo", "ໃຜເປັນປະທານາທິບໍດີຂອງອາເມລິກາ", None),
        ("km", "អ្នកភូមិដាំអ្វី", "ពោត"),
        ("km", "តើអ្នកណាជាប្រធានាធិបតីអាមេរិក", None),
        ("my", "ရွာကျောင်းတွင် ဆရာ ဘယ်နှစ်ဦး ရှိသလဲ", "ဆယ့်နှစ်ဦး"),
        ("my", "အမေရိကန်သမ္မတသည် မည်သူနည်း", None),
    ],
)
def test_what_scripts_without_spaces_do_not_tell_is_refused(
    ask: Ask, code: str, question: str, value: str | None
) -> None:
    answer = ask(question, WITHOUT_SPACES[code], code)
    assert answer.abstained is (value is None)
    assert value is None or value in answer.text


PRODUCTS = {"Arden": "Paper bags", "Calder": "Glass jars"}


@pytest.mark.parametrize("name", PRODUCTS)
def test_the_product_of_the_supplier_that_is_asked_about(ask: Ask, name: str) -> None:
    text = (FIELD / "suppliers.txt").read_text()
    answer = ask(f"What is the main product of {name} Limited?", text)
    paragraph = text.index(f"{name} Limited")
    assert f"{PRODUCTS[name]} are its main product." in quotes(answer)
    end = text.index("\n\n", paragraph)
    assert all(paragraph <= citation.start < citation.end <= end for citation in answer.citations)


LOG = """2024-03-01 10:00:00,123 INFO pump-3: started. Pressure 4.1 bar
2024-03-01 10:04:12,009 ERROR db: connection to host db-7 lost. Retrying in 5 s
2024-03-01 10:04:17,441 INFO db: connected to host db-8. Pool size 12
2024-03-01 10:09:30,000 WARN pump-3: pressure low. Valve 2 opened
"""
JSON_LINES = """{"id": 1, "name": "Anna Petrov", "city": "Leeds", "phone": "0151 440 9981"}
{"id": 2, "name": "Bo Lund", "city": "Hull", "phone": "0151 440 7714"}
{"id": 3, "name": "Cy Marsh", "city": "York", "phone": "0151 440 3302"}
"""
TURNS = """ANNA: Where did you put the keys of the boathouse?
BO: They are in the drawer of the kitchen table.
ANNA: And who has the keys of the car?
BO: My brother has them until Sunday.
"""
CONTACTS = """Anna Petrov | accounts | 0151 440 9981
Bo Lund | stores | 0151 440 7714
Cy Marsh | repairs | 0151 440 3302
"""


@pytest.mark.parametrize(
    ("text", "question", "line"),
    [
        (LOG, "Which host did the database lose its connection to?", 1),
        (LOG, "What happened to valve 2?", 3),
        (JSON_LINES, "What is the phone number of Bo Lund?", 1),
        (JSON_LINES, "In which city is Cy Marsh?", 2),
        ("[" + JSON_LINES.strip().replace("\n", ", ") + "]", "What is the phone number of Bo Lund?", None),
        (TURNS, "Where are the keys of the boathouse?", 1),
        (CONTACTS, "What is the number of stores?", 1),
    ],
)
def test_a_record_is_quoted_whole_with_its_keys(ask: Ask, text: str, question: str, line: int | None) -> None:
    wanted = JSON_LINES.splitlines()[1] if line is None else text.splitlines()[line]
    assert wanted in quotes(ask(question, text))


def test_a_row_is_shown_with_the_header_of_its_table(ask: Ask) -> None:
    text = "| Depot | Stock |\n|---|---|\n| Leeds | 44 |\n| Hull | 7 |"
    table = PageMap(tables=((text.index("| Leeds"), len(text), "Depot | Stock"),))
    answer = ask("What is the stock of the depot in Leeds?", text, page_map=table)
    assert "(Depot | Stock) | Leeds | 44 | [1]" in answer.text


def test_a_later_sentence_of_a_turn_names_its_speaker(ask: Ask) -> None:
    text = (
        "ANNA: I looked at the harbour this morning, and it was a fine sight after all that rain. The ferry costs nine "
        "pounds now.\nBO: I would rather stay at home, where it is dry and warm and nobody wants anything. Tea is free."
    )
    answer = ask("What does the ferry cost?", text)
    assert "(ANNA) The ferry costs nine pounds now. [1]" in answer.text
    assert [it.speaker for it in answer.citations if "nine" in it.quote] == ["ANNA"]


@pytest.mark.parametrize(
    ("question", "asked"),
    [
        ("Wie hoch ist der Tagessatz für Mahlzeiten im Ausland?", "German"),
        ("¿Cuánto es la asignación diaria para las comidas?", "Spanish"),
        ("国外用餐的每日津贴是多少？", "Chinese"),
    ],
)
def test_a_question_in_another_language_is_not_denied(ask: Ask, question: str, asked: str) -> None:
    answer = ask(question, (FIELD / "versions" / "handbook_2024.md").read_text())
    assert not answer.abstained
    assert "language_differs" in answer.faults
    assert answer.text.startswith(f"The question is in {asked}, the document in English; the nearest sentences are:")
    assert any(f"in {asked}, the document in English" in notice for notice in answer.notices)
    assert answer.citations
    assert 0 <= answer.confidence < 0.5


THAI = "หมู่บ้านบ้านนามีศาลากลางหนึ่งหลัง กุญแจของศาลาอยู่ที่ครูสมชาย"
LAO = "ບ້ານນາມີສາລາໜຶ່ງຫຼັງ ກະແຈຂອງສາລາຢູ່ກັບຄູສົມໃຈ"
KHMER = "ភូមិនេះមានសាលាមួយ។ កូនសោសាលានៅជាមួយគ្រូសុខ។"
CODES = {"Thai": "th", "Lao": "lo", "Khmer": "km", "Burmese": "my"}
BURMESE = "ရွာတွင် ခန်းမတစ်ခုရှိသည်။ ခန်းမသော့ကို ဆရာမောင် ကိုင်ထားသည်။"


@pytest.mark.parametrize(("text", "name"), [(THAI, "Thai"), (LAO, "Lao"), (KHMER, "Khmer"), (BURMESE, "Burmese")])
@pytest.mark.parametrize(
    ("question", "asked"),
    [("Who has the key?", "English"), ("Key?", "another language"), ("Who is Somchai?", "English")],
)
def test_a_question_in_another_script_is_not_denied(ask: Ask, text: str, name: str, question: str, asked: str) -> None:
    answer = ask(question, text, CODES[name])
    assert not answer.abstained
    assert answer.text.startswith(f"The question is in {asked}, the document in {name}; the nearest sentences are:")


def test_a_line_with_a_figure_is_quoted_in_scripts_without_ends_of_sentences(ask: Ask) -> None:
    text = "ບ້ານນາມີສາລາໜຶ່ງຫຼັງ\n\nຂົວໄມ້ສ້າງຂຶ້ນໃນປີ 1969"
    assert quotes(ask("1969?", text, "lo")) == ["ຂົວໄມ້ສ້າງຂຶ້ນໃນປີ 1969"]


@pytest.mark.parametrize(
    "question",
    ["Who composed the opera?", "How does a transistor amplify a weak signal?", "Who is Fenwick?"],
)
def test_what_no_passage_matches_is_said_to_be_that_and_no_more(ask: Ask, question: str) -> None:
    for name in ("short_keyvalue.txt", "suppliers.txt", "statutes.txt"):
        answer = ask(question, (FIELD / name).read_text())
        assert answer.abstained
        assert answer.text.startswith("No passage matches the question well; the nearest are:")
        assert answer.faults == ("weak_evidence",)


CLINICS = """# Clinics

## Northfield

The head nurse is Ida Falk. The clinic opens at seven.

## Southgate

The head nurse is Noor Haddad. The clinic opens at nine.
"""


@pytest.mark.parametrize(
    ("place", "right", "other"), [("Northfield", "Falk", "Haddad"), ("Southgate", "Haddad", "Falk")]
)
def test_what_stands_under_another_heading_is_left_out(ask: Ask, place: str, right: str, other: str) -> None:
    sections = PageMap(sections=tuple((CLINICS.index(it), it[3:]) for it in ("## Northfield", "## Southgate")))
    answer = ask(f"Who is the head nurse at {place}?", CLINICS, page_map=sections)
    assert right in answer.text
    assert other not in answer.text


RULES = (
    "Art. 7 - Dogs\n\nDogs stay on a lead.\n\nArt. 8 - Cats\n\nCats stay at home.\n\n"
    "Art. 26 - Fees\n\nA fee is 7 francs."
)


@pytest.mark.parametrize(
    ("question", "code", "said"),
    [
        ("What does Article 7 say?", "en", "Dogs stay on a lead."),
        ("Was steht in § 8?", "en", "Cats stay at home."),
        ("What does Art. 26 say?", "en", "A fee is 7 francs."),
    ],
)
def test_a_numbered_part_is_found_by_its_number_whatever_it_is_called(
    ask: Ask, question: str, code: str, said: str
) -> None:
    sections = PageMap(sections=tuple(with_numbered(RULES, ())))
    assert quotes(ask(question, RULES, code, page_map=sections)) == [said]


@pytest.mark.parametrize("letter", ["A", "I", "S", "R"])
def test_a_single_capital_names_something(ask: Ask, letter: str) -> None:
    text = "\n\n".join(
        f"Cabinet {it}\n\nHere are the {thing}."
        for it, thing in zip("AIRS", ("maps", "inks", "pens", "rolls"), strict=True)
    )
    sections = PageMap(sections=tuple((text.index(f"Cabinet {it}"), f"Cabinet {it}") for it in "AIRS"))
    answer = ask(f"What is in cabinet {letter}?", text, page_map=sections)
    assert quotes(answer) == [
        f"Here are the {dict(zip('AIRS', ('maps', 'inks', 'pens', 'rolls'), strict=True))[letter]}."
    ]


_MATTERS = ("guests", "lamps", "boats", "keys", "dogs", "fires", "waste", "noise", "paint", "music", "roofs", "wells")
_FORMS = {
    "roman": (("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII"), "Article {}\n\n"),
    "letters": (tuple("ABCDEFGHIJKL"), "Annex {}\n\n"),
    "items": (tuple(map(str, range(1, 13))), "{}. "),
    "titled": (tuple(map(str, range(1, 13))), "{}. Matters\n"),
}


@pytest.mark.parametrize(
    ("form", "question", "number"),
    [
        ("roman", "What does Article IV say?", 4),
        ("roman", "What does article 9 say?", 9),
        ("roman", "What does Article XXXIV say?", None),
        ("letters", "What does Annex I say?", 9),
        ("letters", "What does Annex Z say?", None),
        ("items", "What does rule 2 say?", 2),
        ("items", "What does point 12 say?", 12),
        ("items", "What does clause 27 say?", None),
        ("titled", "What does clause 11 say?", 11),
    ],
)
def test_a_numbered_part_is_quoted_and_no_other(ask: Ask, form: str, question: str, number: int | None) -> None:
    numbers, head = _FORMS[form]
    said = [
        f"The guild settles matters of {it} in spring. Who ignores them pays {40 + at} crowns."
        for at, it in enumerate(_MATTERS)
    ]
    text = "\n\n".join(head.format(it) + body for it, body in zip(numbers, said, strict=True))
    page_map = PageMap(sections=with_numbered(text, ()))
    answer = ask(question, text, page_map=page_map)
    if number is None:
        assert answer.abstained
        return
    assert answer.conflicts == ()
    assert " ".join(quotes(answer)).endswith(said[number - 1])
    assert len(quotes(answer)) <= 3


@pytest.mark.parametrize(
    ("question", "value"),
    [
        ("What does Section 3(2)(a) say?", "(a) close the gate at night."),
        ("What does Section 4(2)(b) say?", "(b) keep two goats."),
        ("What does Section 4(1) say?", "(1) The cook rises at five."),
        ("What does Section 4(7) say?", None),
    ],
)
def test_a_part_within_a_part_is_quoted(ask: Ask, question: str, value: str | None) -> None:
    text = "\n\n".join((
        "Section 3", "(1) The keeper rises at six.", "(2) The keeper may", "(a) close the gate at night.",
        "(b) sell hay.", "Section 4", "(1) The cook rises at five.", "(2) The cook may", "(a) buy bread on credit.",
        "(b) keep two goats.",
    ))  # fmt: skip
    answer = ask(question, text, page_map=PageMap(sections=with_numbered(text, ())))
    assert answer.abstained if value is None else quotes(answer) == [value]


def test_an_article_in_chinese_is_quoted(ask: Ask) -> None:
    numbers = "一二三四五六七八九十"
    said = [f"违反第{at}号规则的人须缴纳{40 + at}克朗。" for at in range(10)]
    text = "\n\n".join(f"第{it}条\n\n{body}" for it, body in zip(numbers, said, strict=True))
    answer = ask("第七条规定了什么？", text, "zh", page_map=PageMap(sections=with_numbered(text, ())))
    assert quotes(answer) == [said[6]]


@pytest.mark.parametrize(("park", "hours"), [("Elm Park", "six to nine"), ("Moor Park", "eight to five")])
def test_a_sub_heading_stands_under_its_heading(ask: Ask, park: str, hours: str) -> None:
    text = (
        "# Parks of the town\n\n## Elm Park\n\n### Opening\n\nThe gates are open from six to nine.\n\n### Dogs\n\n"
        "Dogs are kept on a lead.\n\n## Moor Park\n\n### Opening\n\nThe gates are open from eight to five.\n\n"
        "### Dogs\n\nDogs may run in the meadow.\n"
    )
    assert quotes(ask(f"When is {park} open?", text)) == [f"The gates are open from {hours}."]


@pytest.mark.parametrize(
    ("question", "path"),
    [
        ("On which path was there a 502?", "/v1/orders"),
        ("What gave 418?", "/tea"),
        ("What happened at 06:03:00?", "/login"),
    ],
)
def test_a_line_of_a_log_is_quoted_for_its_numbers(ask: Ask, question: str, path: str) -> None:
    lines = [
        f"2024-05-02T06:0{at}:00Z ERROR {code} on {place} for client {at + 11}"
        for at, (code, place) in enumerate([(404, "/index"), (502, "/v1/orders"), (418, "/tea"), (500, "/login")])
    ]
    assert any(path in quote for quote in quotes(ask(question, "\n".join(lines))))


@pytest.mark.parametrize("question", ["Which host could not be reached?", "Why did the nightly copy fail?"])
def test_a_trace_is_quoted_with_what_happened(ask: Ask, question: str) -> None:
    first = "2031-02-03 01:00:00 [copy] ERROR the nightly copy failed"
    trace = 'Traceback (most recent call last):\n  File "copy.py", line 12\nConnectionError: host vault-3 not reached'
    text = (
        f"2031-02-03 00:59:00 [web] INFO page /index sent\n{first}\n{trace}\n2031-02-03 01:05:00 [web] INFO page sent"
    )
    assert quotes(ask(question, text)) == [f"{first}\n{trace}"]


def test_a_path_singles_out_the_line_of_a_log(ask: Ask) -> None:
    lines = [
        f'10.1.0.{at + 4} - - [03/Feb/2031:08:1{at}:00 +0000] "{verb} {path} HTTP/1.1" {code} 88 "-" "{agent}"'
        for at, (verb, path, code, agent) in enumerate([
            ("GET", "/index", 200, "Firefox"), ("POST", "/login", 401, "curl"), ("GET", "/fares.pdf", 404, "Safari"),
            ("DELETE", "/users/19", 403, "Edge"),
        ])
    ]  # fmt: skip
    assert quotes(ask("Which address was refused at /login?", "\n".join(lines))) == [lines[1]]
    assert quotes(ask("Which user agent asked for /fares.pdf?", "\n".join(lines))) == [lines[2]]


PARTS = [f"{name} and Sons is in {town}. Bills are due in May. {ware} is what it buys most." for name, town, ware in [
    ("Arden", "Bath", "Wool"), ("Bray", "York", "Tin"), ("Corby", "Hull", "Wool"), ("Dale", "Ely", "Flax"),
]]  # fmt: skip


@pytest.mark.parametrize("question", ["Who buys wool?", "Which client buys wool?"])
def test_several_places_answer_a_question_for_one(ask: Ask, question: str) -> None:
    found = quotes(ask(question.replace("wool", "most wool"), "\n\n".join(PARTS)))
    assert {"Arden and Sons is in Bath.", "Corby and Sons is in Hull."} <= set(found)
    assert not any("Bray" in it or "Dale" in it for it in found)


def test_rows_that_fit_a_question_for_one_are_all_quoted(ask: Ask) -> None:
    rows = [f"Depot: {depot} | Stock: {stock} | Area: {area}" for depot, stock, area in [
        ("Alder", "salt", 31), ("Birch", "coal", 44), ("Cedar", "salt", 52),
    ]]  # fmt: skip
    assert quotes(ask("Which depot holds salt?", "\n".join(rows))) == [rows[0], rows[2]]
    assert quotes(ask("Which depot holds coal?", "\n".join(rows))) == [rows[1]]


STAFF = (
    "Name: Ada Brun | Tel.: 0151 440 | Born: 1980 | Pay: 3,100 | Boss: Ole Lund\n"
    "Name: Ruth Kay | Tel.: 0151 449 | Born: 1990 | Pay: 3,500 | Boss: Ida Falk"
)
MILL = "Corran Mill has its works in Leeds and has supplied us since 1980. It makes glass jars."

MOULINS = "Les Moulins Corran ont leur atelier à Lyon et nous livrent depuis 1980. Ils fabriquent des bocaux."
MOLINOS = "Los Molinos Corran tienen su taller en León y nos sirven desde 1980. Los frascos son de vidrio."


@pytest.mark.parametrize(
    ("question", "text", "missing"),
    [
        ("What is the shoe size of Ruth Kay?", STAFF, "shoe, size"),
        ("What car does Ada Brun drive?", STAFF, "car, drive"),
        ("What is the phone number of Ada Brun?", STAFF, None),
        ("How much does Ruth Kay earn?", STAFF, None),
        ("Who is the manager of Ada Brun?", STAFF, None),
        ("How old is Ruth Kay?", STAFF, None),
        ("Who is the chairman of Corran Mill?", MILL, "chairman"),
        ("Who is the chairman of Corran Mill?", f"{MILL} Ann Lee has led it for years.", None),
        ("Who is the chairman of Corran Mill?", "Corran Mill in Leeds is led by the mayor of the town.", None),
        ("Who is the chairman of Corran Mill?", f"{MILL} Ann leads it.", None),
        ("Qui est le directeur de Moulins Corran ?", MOULINS, "directeur"),
        ("Qui est le directeur de Moulins Corran ?", f"{MOULINS} Anne Lys les mène depuis des années.", None),
        ("Qui est le directeur de Moulins Corran ?", f"{MOULINS} Ils sont menés par le maire.", None),
        ("¿Quién es el presidente de Molinos Corran?", MOLINOS, "presidente"),
        ("¿Quién es el presidente de Molinos Corran?", f"{MOLINOS} Los lleva Ana Ruiz.", None),
    ],
)
def test_what_nothing_tells_of_a_named_thing_is_refused(
    ask: Ask, question: str, text: str, missing: str | None
) -> None:
    answer = ask(question, text, {"Qui": "fr", "¿Qu": "es"}.get(question[:3], "en"))
    assert answer.abstained is (missing is not None)
    if missing:
        assert answer.notices == (f"No passage mentions {missing}.",)


@pytest.mark.parametrize(
    ("question", "code", "value"),
    [
        ("Wer hat die E-Mail geschickt?", "de", "From: Ida Falk"),
        ("Was ist der Betreff?", "de", "Subject: Miete"),
        ("Welcher Anhang ist dabei?", "de", "Attachment: vertrag.pdf"),
        ("Quel est l'objet ?", "fr", "Subject: Miete"),
        ("¿Cuál es el asunto?", "es", "Subject: Miete"),
        ("Who sent the e-mail?", "en", "From: Ida Falk"),
    ],
)
def test_the_headers_of_an_e_mail_are_asked_for_in_other_languages(
    ask: Ask, question: str, code: str, value: str
) -> None:
    text = (
        "From: Ida Falk\nTo: Ole Lund\nDate: Mon, 03 Feb 2031 09:00:00 +0000\nSubject: Miete\n\nLieber Ole,\n\n"
        "das Haus kostet 900 Kronen im Monat.\n\nAttachment: vertrag.pdf"
    )
    found = quotes(ask(question, text, code))
    assert value in found
    assert not any("Kronen" in it for it in found)


RENTS = "In 1998 the rent was 420 marks. In 1999 the rent was 455 marks. In 2000 the rent was 470 marks."
KEYS = "# Cabinet A\n\nKeys with Ms Ad.\n\n# Cabinet R\n\nKeys with Mr Bo.\n\n# Cabinet S\n\nKeys with Ms Ci."


@pytest.mark.parametrize(
    ("question", "text", "quote"),
    [
        ("What was the rent in 1999?", RENTS, "In 1999 the rent was 455 marks."),
        ("Who has the keys of cabinet S?", KEYS, "Keys with Ms Ci."),
        ("Is cabinet A locked with keys?", KEYS, "Keys with Ms Ad."),
    ],
)
def test_what_the_same_words_say_of_something_else_is_left_out(ask: Ask, question: str, text: str, quote: str) -> None:
    assert quotes(ask(question, text)) == [quote]


def test_what_has_the_form_of_a_question_may_be_its_answer(ask: Ask) -> None:
    text = "What share of the sales in 2017 was abroad?\n\nSome 25 percent of the sales was abroad."
    assert "Some 25 percent of the sales was abroad." in quotes(
        ask("What share of the sales in 2017 was abroad?", text)
    )


def test_the_label_of_another_file_is_left_out_where_the_question_names_the_file(embeddings: Embeddings) -> None:
    files = {"Hotel Corvin.txt": "Phone number: 0361 55 20", "Hotel Meridian.txt": "Phone number: 0361 77 41"}
    passages = [Evidence(name, 0, len(text), text, 1.0) for name, text in files.items()]
    given = GenerationInput(
        question="What is the phone number of Hotel Meridian?", task_type="memorag", evidence=passages, outline=[],
        draft="", prompts=Prompts(language("en")),
    )  # fmt: skip
    answer = ExtractiveGenerator(embeddings=embeddings).invoke(given)
    assert quotes(answer) == ["Phone number: 0361 77 41"]


def test_a_sentence_that_says_no_number_does_not_pad_a_count(ask: Ask) -> None:
    text = (
        "The yard has two slipways and a crane that lifts ten tonnes.\n\nThe slipways were rebuilt after the flood of "
        "1997, which also carried away the paint shed.\n\nThe archive holds 212 drawings. Children go free."
    )
    assert quotes(ask("How many slipways are there?", text)) == [text.split("\n\n")[0]]


@pytest.mark.parametrize(
    ("first", "second", "code"),
    [
        ("Campfires are allowed on the beach.", "No campfires are allowed on the beach.", "en"),
        ("È permesso fumare nel cortile.", "Non è permesso fumare nel cortile.", "it"),
        ("Havuz pazar günleri açıktır.", "Havuz pazar günleri açık değildir.", "tr"),
        ("يسمح بدخول الأطفال بعد الساعة السابعة.", "لا يسمح بدخول الأطفال بعد الساعة السابعة.", "ar"),
        ("छात्र पुस्तकालय में मोबाइल ला सकते हैं।", "छात्र पुस्तकालय में मोबाइल नहीं ला सकते हैं।", "hi"),
        ("Khách được phép mang chó vào vườn.", "Khách không được phép mang chó vào vườn.", "vi"),
    ],
)
def test_a_negation_contradicts_in_many_languages_also_at_the_start(
    embeddings: Embeddings, first: str, second: str, code: str
) -> None:
    files = {"rules_1.txt": first, "rules_2.txt": second}
    passages = [Evidence(name, 0, len(text), text, 1.0) for name, text in files.items()]
    given = GenerationInput(
        question=first.rstrip(".।") + "?", task_type="memorag", evidence=passages, outline=[], draft="",
        prompts=Prompts(language(code)),
    )  # fmt: skip
    assert len(ExtractiveGenerator(embeddings=embeddings).invoke(given).conflicts) == 1


def test_rows_whose_language_is_not_known_are_not_said_to_be_in_english(ask: Ask) -> None:
    rows = "Artikel: Stemmeisen | Lieferant: Kirschen\nArtikel: Hobel | Lieferant: Ulmia"
    answer = ask("Welcher Lieferant liefert die Stemmeisen?", rows, "en")
    assert quotes(answer) == [rows.split("\n")[0]]
    assert answer.faults == ()


@pytest.mark.parametrize("question", ["What does rule 12 regulate?", "Which subject does rule 12 deal with?"])
def test_a_numbered_part_is_quoted_whatever_verb_asks_for_it(ask: Ask, question: str) -> None:
    text = "Rule 11\n\nThe oars are kept dry.\n\nRule 12\n\nHulls are tarred in the spring of each year."
    known = PageMap(sections=with_numbered(text, ()))
    assert quotes(ask(question, text, page_map=known)) == ["Hulls are tarred in the spring of each year."]


def test_the_title_of_a_document_counts_for_all_its_sections(ask: Ask) -> None:
    text = "Manual of the Eskdale mill\n\nHours\n\n- Monday: closed\n- Saturday: 9 to 12"
    known = PageMap(sections=((0, "Manual of the Eskdale mill"), (28, "Hours")))
    assert quotes(ask("When is the Eskdale mill open on Saturday?", text, page_map=known)) == ["- Saturday: 9 to 12"]


@pytest.mark.parametrize("question", ["What is on the top shelf?", "Which goods are on the top shelf?"])
def test_all_items_of_a_list_are_quoted_whose_heading_is_asked_for(ask: Ask, question: str) -> None:
    text = "# Pantry\n\n## Top shelf\n\n- jam pots\n- white rice\n- sea salt\n- wild honey\n\n## Floor\n\n- oil jars"
    assert quotes(ask(question, text)) == ["- jam pots", "- white rice", "- sea salt", "- wild honey"]


def test_a_sentence_of_three_words_is_quoted(ask: Ask) -> None:
    text = "# CV\n\nBorn in Trento. Speaks Italian and Greek. Worked at the opera for nine years.\n"
    assert quotes(ask("Where was she born?", text))[0] == "Born in Trento."


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        ("# Minutes of May\n\nThe bridge closes on 4 June.", "# Minutes of July\n\nThe bridge closes on 9 June.", True),
        ("# Sheet 1\n\nThe kiln is fired at 900 °C.", "# Sheet 2\n\nThe kiln is fired at 900 °F.", True),
        ("# Sheet 1\n\nThe kiln is fired at 60 °C.", "# Sheet 2\n\nThe kiln is fired at 140 °F.", False),
        ("# Guide, 1st edition\n\nThe hut sleeps 24.", "# Guide, 2nd edition\n\nThe hut sleeps 42.", True),
        ("# Minutes of 5 May\n\nThe hall costs 80 pounds.", "# Minutes of 9 June\n\nThe hall costs 95 pounds.", True),
        ("# Part A\n\nThe gate is never locked.", "# Part B\n\nThe gate is always locked.", True),
        ("# Annex\n\nThe guests must sign the book.", "# Rules\n\nThe guests need not sign the book.", True),
        ("# Map, 1st edition\n\nThe hut sleeps 20.", "# Map, 2nd edition\n\nThe hut sleeps 42.", True),
        ("# Plan, version 2.1\n\nThe gate closes at 6.", "# Plan, version 3.0\n\nThe gate closes at 8.", True),
        ("# Regeln, erste Fassung\n\nThe gate closes at 6.", "# Regeln, neu\n\nThe gate closes at 8.", True),
        (
            "# Minutes of 5 May\n\nThe hall is let for 80 pounds.",
            "# Minutes of 9 June\n\nThe hall is let for 95 pounds.",
            True,
        ),
        ("# Notes on 2021-03-04\n\nThe gate closes at 6.", "# Notes on 2021-05-06\n\nThe gate closes at 8.", True),
        ("# 5 May\n\nThe walk starts at 6.", "# 9 June\n\nThe walk starts at 8.", False),
        ("# May\n\nThe gate closes at 6.", "# June\n\nThe gate closes at 8.", False),
        ("# Hut A, first edition\n\nThe hut sleeps 20.", "# Hut B, first edition\n\nThe hut sleeps 42.", False),
        ("# First floor\n\nThe gate closes at 6.", "# Second floor\n\nThe gate closes at 8.", False),
        ("# Elm Park\n\nThe gate closes at 6.", "# Moor Park\n\nThe gate closes at 8.", False),
        ("# Cats\n\nThe fee is 20 crowns.", "# Dogs\n\nThe fee is 30 crowns.", False),
    ],
)
def test_headings_that_tell_no_subject_do_not_hide_a_contradiction(
    ask: Ask, first: str, second: str, told: bool
) -> None:
    subject = first.split("\n\n")[1].split()[1].rstrip(".")
    assert bool(ask(f"What about the {subject}?", f"{first}\n\n{second}").conflicts) is told


def ask_files(embeddings: Embeddings, question: str, files: dict[str, str]) -> Answer:
    """Ask several files, whose lines are the evidence."""
    passages = [Evidence(source, 0, len(text), text, 1.0) for source, text in files.items()]
    prompts = Prompts(language("en"))
    chunks = [Chunk(it.source, at, it.start, it.end, it.text) for at, it in enumerate(passages)]
    given = GenerationInput(
        question=question, task_type="memorag", evidence=passages, outline=[], draft="", prompts=prompts,
        rarity=KeywordIndex.from_chunks(chunks, "en").rarity(question),
    )  # fmt: skip
    return ExtractiveGenerator(embeddings=embeddings).invoke(given)


def in_files(embeddings: Embeddings, question: str, files: dict[str, str]) -> list[str]:
    return quotes(ask_files(embeddings, question, files))


INNS = {"Inn Lark.txt": "Beds: 12\nOwner: Ms Low\nPort: Hove", "Inn Wren.txt": "Beds: 20\nOwner: Mr Kay\nPort: Rye"}
HEATED = {
    "Inn Lark.txt": "The inn has 12 beds. It is heated with peat.",
    "Inn Wren.txt": "The inn has 20 beds. It is heated with oil.",
}
FEES = {"policy_2021.txt": "The fee is 38 euros.", "policy_2024.txt": "The fee is 52 euros."}


@pytest.mark.parametrize(
    ("question", "files", "said"),
    [
        ("How many beds has Inn Wren?", INNS, ["Beds: 20"]),
        ("Who owns Inn Lark?", INNS, ["Owner: Ms Low"]),
        ("How many beds do Inn Lark and Inn Wren have?", INNS, ["Beds: 12", "Beds: 20"]),
        ("Which inn has more beds, Lark or Wren?", INNS, ["Beds: 12", "Beds: 20"]),
        ("What is the fee?", FEES, ["The fee is 38 euros.", "The fee is 52 euros."]),
        ("What was the fee in 2024?", FEES, ["The fee is 52 euros."]),
        ("How is Inn Wren heated?", HEATED, ["The inn has 20 beds.", "It is heated with oil."]),
    ],
)
def test_a_file_that_the_question_names_is_told_from_others(
    embeddings: Embeddings, question: str, files: dict[str, str], said: list[str]
) -> None:
    assert set(in_files(embeddings, question, files)) == set(said)


TOLLS = "The toll in 1880 was 4 pence. The toll in 1890 was 6 pence. The toll in 1900 was 9 pence."
SHELVES = "# Shelf K\n\nKept by Ms Ott.\n\n# Shelf L\n\nKept by Mr Pohl.\n\n# Shelf S\n\nKept by Ms Rey."
GRADES = "# Grade A\n\nWool without burrs, used for shawls.\n\n# Grade B\n\nWool with burrs, used for rugs."
GATES = "# Gate 4\n\nThe lamp is lit by Una.\n\n# Gate 5\n\nThe lamp is lit by Bob."
KEYS = "La clef de la porte nord est chez Alma. La clef de la porte sud est chez Bruno."


@pytest.mark.parametrize(
    ("question", "text", "code", "said"),
    [
        ("What was the toll in 1890?", TOLLS, "en", ["The toll in 1890 was 6 pence."]),
        ("How did the toll change after 1880?", TOLLS, "en", TOLLS.replace(". ", ".|").split("|")),
        ("Who keeps shelf S?", SHELVES, "en", ["Kept by Ms Rey."]),
        ("What is wool of grade A used for?", GRADES, "en", ["Wool without burrs, used for shawls."]),
        ("Who lights the lamp at gate 5?", GATES, "en", ["The lamp is lit by Bob."]),
        ("Chez qui est la clef de la porte sud ?", KEYS, "fr", ["La clef de la porte sud est chez Bruno."]),
    ],
)
def test_what_has_another_word_in_the_place_of_one_of_the_question_is_left_out(
    ask: Ask, question: str, text: str, code: str, said: list[str]
) -> None:
    assert quotes(ask(question, text, code)) == said


BOXES = "# Red box\n\n- hammer\n- chisel\n- rasp\n- plane\n- square\n\n# Blue box\n\n- saw\n- glue\n- nails"
BOAT = "# Eva\n\n- built in 1931 in Hove\n- 11 m long\n- a blue hull"
KIT = "# First aid kit\n\n1. plasters\n2. gauze\n3. scissors\n4. tape\n\n# Tool kit\n\n1. pump\n2. levers"


@pytest.mark.parametrize(
    ("question", "text", "said"),
    [
        ("Which tools are in the red box?", BOXES, ["- hammer", "- chisel", "- rasp", "- plane", "- square"]),
        ("What is in the blue box?", BOXES, ["- saw", "- glue", "- nails"]),
        ("What is in the first aid kit?", KIT, ["1. plasters", "2. gauze", "3. scissors", "4. tape"]),
        ("When was the Eva built?", BOAT, ["- built in 1931 in Hove"]),
    ],
)
def test_a_list_under_a_heading_is_quoted_whole(ask: Ask, question: str, text: str, said: list[str]) -> None:
    assert quotes(ask(question, text)) == said


def test_of_a_very_long_list_it_is_said_that_more_stands_there(ask: Ask) -> None:
    answer = ask("What is in the red box?", "# Red box\n\n" + "\n".join(f"- tool{at}" for at in range(60)))
    assert len(quotes(answer)) == 50
    assert "list_may_be_incomplete" in answer.faults


CANAL = "The canal was dug in 1834 by labourers. The manager is Petra Voll. The tower is eighty feet high."


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("How deep is the canal?", None),
        ("What is the salary of Petra Voll?", None),
        ("How high is the tower?", "The tower is eighty feet high."),
        ("Who is the manager?", "The manager is Petra Voll."),
        ("When was the canal dug?", "The canal was dug in 1834 by labourers."),
    ],
)
def test_a_measure_takes_a_figure_to_tell(ask: Ask, question: str, said: str | None) -> None:
    answer = ask(question, CANAL)
    assert answer.abstained is (said is None)
    assert said is None or said in quotes(answer)
