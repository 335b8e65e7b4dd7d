"""A quotation that refers back stands with what it refers to, and names that stand nowhere are not answered."""

import pytest

from memorag_graph.documents import NO_PAGES
from memorag_graph.generation.absent_names import missing_names
from memorag_graph.generation.answer import Answer, GenerationInput
from memorag_graph.generation.extractive_generator import ExtractiveGenerator
from memorag_graph.generation.inflected_names import as_written, inflected_names
from memorag_graph.generation.names_in_text import lowered, tell_of_others
from memorag_graph.generation.quotable_sentences import units_of
from memorag_graph.generation.sentence_subjects import before_name
from memorag_graph.generation.surroundings import surroundings_of
from memorag_graph.prompts import Prompts
from memorag_graph.retrieval.dense_index import FaissIndex
from memorag_graph.retrieval.keyword_index import KeywordIndex
from memorag_graph.retrieval.memory_index import MemoryIndex
from memorag_graph.retrieval.paragraphs import paragraph_start, with_rest
from memorag_graph.retrieval.query import Query
from memorag_graph.retrieval.retrieve import Evidence, Search, retrieve
from memorag_graph.text.back_references import refers_back
from memorag_graph.text.chunking import Chunk
from memorag_graph.text.languages import language
from memorag_graph.text.posed_questions import poses_question
from tests.conftest import HashEmbeddings

SHOPS = "\n\n".join(
    f"The {name} shop is in {town}. The lease is renewed each summer. It mainly sells {goods}."
    for name, town, goods in (("Coral", "Dundee", "saddles"), ("Flint", "Evora", "skates"), ("Moss", "Bruges", "pipes"))
)
PEOPLE = "\n\n".join(
    f"{name} was born in {town}. {pronoun} plays the {played} on weekends."
    for name, town, pronoun, played in (
        ("Marta Olsen", "Skagen", "She", "lute"), ("Viktor Hahn", "Passau", "He", "zither"),
        ("Yusuf Demir", "Izmir", "He", "oud"),
    )
)  # fmt: skip
TRAMS = "Tram 4 runs from the mill to the zoo. Tram 5 runs from the port to Hove. Tram 14 runs from the park to Ashby."
ISLE = "The island has a school. The island has a doctor. Her name is Dr. Petra Zuse. Sheep graze on the hills."
CABINETS = "\n\n".join(
    f"Cabinet {letter}\n\nThe cabinet holds {held}."
    for letter, held in zip("ABC", ("maps", "coins", "bells"), strict=True)
)
SPEECH = (
    "President Roosevelt spoke here. President Putin will not wait. The President can count on us. We lowered the port "
    "fees, as I promised. We will build a school."
)


def ask(question: str, text: str, code: str = "en") -> Answer:
    passages, start = [], 0
    for block in text.split("\n\n"):
        start = text.index(block, start)
        passages.append(Evidence("a.txt", start, start + len(block), block, 1.0, page_map=NO_PAGES))
    chunks = [Chunk("a.txt", 0, it.start, it.end, it.text) for it in passages]
    whole = Evidence("a.txt", 0, len(text), text, 1.0, page_map=NO_PAGES)
    given = GenerationInput(
        question=question, task_type="memorag", evidence=[whole], outline=[], draft="", prompts=Prompts(language(code)),
        rarity=KeywordIndex.from_chunks(chunks, code).rarity(question),
    )  # fmt: skip
    return ExtractiveGenerator(embeddings=HashEmbeddings()).invoke(given)


def quotes(question: str, text: str, code: str = "en") -> list[str]:
    answer = ask(question, text, code)
    assert not answer.abstained
    assert all(text[it.start : it.end] == it.quote for it in answer.citations)
    return [it.quote for it in answer.citations]


def test_a_sentence_that_refers_back_is_quoted_after_the_one_that_names_its_subject() -> None:
    assert {"The Coral shop is in Dundee.", "It mainly sells saddles."} <= {*quotes("Which shop sells saddles?", SHOPS)}
    assert quotes("Who plays the zither on weekends?", PEOPLE) == [
        "Viktor Hahn was born in Passau.", "He plays the zither on weekends.",
    ]  # fmt: skip
    german = (
        "Frau Tanja Holm wohnt in Husum. Sie arbeitet als Lehrerin.\n\n"
        "Herr Jonas Eck wohnt in Plön. Er arbeitet als Bäcker."
    )
    assert quotes("Wer arbeitet als Bäcker?", german, "de") == [
        "Herr Jonas Eck wohnt in Plön.",
        "Er arbeitet als Bäcker.",
    ]


def test_a_sentence_that_says_nothing_new_is_followed_by_the_one_that_goes_on() -> None:
    assert quotes("Who is the doctor of the island?", ISLE) == [
        "The island has a doctor.",
        "Her name is Dr. Petra Zuse.",
    ]


@pytest.mark.parametrize(
    ("text", "question", "code"),
    [
        (
            "The tug needs an engine. Okafor asked what the engine would cost. The yard offers one for 310,000 euros. "
            "A barge was sold.",
            "What does the engine cost?", "en",
        ),
        (
            "Der Schlepper braucht einen Motor. Frau Holm fragte, was der Motor kosten würde. Die Werft bietet einen "
            "für 310.000 Euro an. Ein Kahn wurde verkauft.",
            "Was kostet der Motor?", "de",
        ),
    ],
)  # fmt: skip
def test_a_reported_question_is_followed_by_what_answers_it(text: str, question: str, code: str) -> None:
    assert any("310" in quote for quote in quotes(question, text, code))


@pytest.mark.parametrize(
    ("sentence", "poses"),
    [
        ("What would it cost?", True),
        ("The board asked whether the tug could be hired.", True),
        ("Elle a demandé combien il coûterait.", True),
        ("Preguntó cuánto costaría.", True),
        ("He asked for a raise.", False),
        ("She asked him to leave when he was ready.", False),
        ("Sie fragte nach dem Preis.", False),
    ],
)
def test_a_reported_question_is_told_from_a_request(sentence: str, poses: bool) -> None:
    assert poses_question(sentence) is poses


SUCCESSION = (
    "Captain Iain Struan retired on 30 June as Marine Director. He would not have a dinner. He asked to take the first "
    "ferry to Tarvay himself. Captain Bethan Hollis succeeded him the next day."
)


def test_of_what_goes_on_the_sentence_with_further_words_of_the_question_is_quoted() -> None:
    found = quotes("Who succeeded Captain Iain Struan as Marine Director?", SUCCESSION)
    assert found[-1] == "Captain Bethan Hollis succeeded him the next day."
    assert "He asked to take the first ferry to Tarvay himself." not in found


GOODWILL = (
    "In 2014 the firm wrote off the goodwill of its mill. This decision was largely based on the price of flour. "
    "The mill stands in Hove."
)


def test_a_cause_is_told_by_what_something_was_based_on() -> None:
    found = quotes("Why did the firm write off the goodwill of its mill in 2014?", GOODWILL)
    assert "This decision was largely based on the price of flour." in found


TESLA = (
    "Tesla died on 7 January 1943. In 1943, a court restored the patents of Tesla, Oliver Lodge and John Stone. "
    "The tesla is a unit of the magnetic field."
)


def test_a_given_name_that_stands_nowhere_is_not_missed_beside_the_surname() -> None:
    missed = "No passage mentions Nikola."
    assert missed not in ask("When did Nikola Tesla die?", TESLA).notices
    assert missed in ask("When did Nikola Tesla die?", TESLA.replace("Tesla", "Anna Tesla")).notices


METRO = "The city is served by the Metro. In 2004, Marconi designed the mobile radio system of the Metro."


def test_a_word_for_a_number_before_another_noun_asks_for_no_number() -> None:
    assert "In 2004, Marconi designed the mobile radio system of the Metro." in quotes(
        "Which company designed the mobile radio system of the Metro?", METRO
    )
    assert ask("What is the mobile number of the Metro?", METRO).abstained


NAMED = (
    "The chandler of Brest sells rope to the navy. She lives over the shop. Her name is Anne Le Goff. She pays no rent."
    "\n\nThe smith of Vannes shoes horses. He is called Yann Kerjean."
)
GENANNT = (
    "Der Schmied von Murnau beschlägt Pferde. Sein Name ist Max Roy.\n\n"
    "Die Glaserin von Weiden raucht. Sie heißt Karon."
)
LLAMADOS = (
    "El herrero de Burgos hierra caballos. Se llama Max Roy.\n\nLa vidriera de Soria fuma. Su nombre es Odile Caron."
)


@pytest.mark.parametrize(
    ("question", "text", "code", "said"),
    [
        ("What is the name of the chandler?", NAMED, "en", ["The chandler of Brest sells rope to the navy.",
         "Her name is Anne Le Goff."]),
        ("What is the smith of Vannes called?", NAMED, "en", ["The smith of Vannes shoes horses.",
         "He is called Yann Kerjean."]),
        ("Who is the smith?", NAMED, "en", ["The smith of Vannes shoes horses.", "He is called Yann Kerjean."]),
        ("What does the smith of Vannes shoe?", NAMED, "en", ["The smith of Vannes shoes horses."]),
        ("Wie heißt der Schmied von Murnau?", GENANNT, "de", ["Der Schmied von Murnau beschlägt Pferde.",
         "Sein Name ist Max Roy."]),
        ("¿Cómo se llama el herrero de Burgos?", LLAMADOS, "es", ["El herrero de Burgos hierra caballos.",
         "Se llama Max Roy."]),
    ],
)  # fmt: skip
def test_the_name_that_is_asked_for_follows_what_is_said_of_its_bearer(
    question: str, text: str, code: str, said: list[str]
) -> None:
    assert quotes(question, text, code) == said


def test_the_sentence_that_gives_the_name_is_quoted_where_the_name_is_asked_for() -> None:
    text = (
        "The farrier of Cluny shoes thirty horses in a week. His name is Max Roy.\n\nThe glazier of Autun mends glass."
    )
    found = quotes("What is the name of the farrier of Cluny?", text)
    assert found == ["The farrier of Cluny shoes thirty horses in a week.", "His name is Max Roy."]


@pytest.mark.parametrize(
    ("text", "code", "expected"),
    [
        ("Its lamp burns oil.", "en", True), ("The trade of this employee is welding.", "en", True),
        ("The company makes hinges.", "en", True), ("The lamp burns oil.", "en", False),
        ("Anne Tessier sells its corks.", "en", False), ("It is forbidden to smoke.", "en", False),
        ("Elle vend des pommes.", "fr", True), ("Él vende quesos.", "es", True), ("她是医生。", "zh", True),
        ("Sie ist Ärztin.", "de", True), ("Sie ist Ärztin.", "xx", False),
        ("One of them was a man of forty.", "en", True), ("One of the ships was lost.", "en", False),
        ("The remaining 45 were crew.", "en", True), ("Both ferries sailed.", "en", True),
        ("Both of the ships were lost.", "en", False), ("Another ferry came.", "en", True),
    ],
)  # fmt: skip
def test_words_that_refer_back_are_known_by_language(text: str, code: str, expected: bool) -> None:
    assert refers_back(text, code) is expected


def test_a_sentence_about_another_name_of_the_kind_is_no_answer() -> None:
    assert quotes("Where does Tram 5 run?", TRAMS) == ["Tram 5 runs from the port to Hove."]
    asked = "For how many hours did the turbines run at South Harbour?"
    told = ["At North Harbour they ran 66 hours.", "At South Harbour they ran 71 hours.", "The harbour is wide."]
    assert tell_of_others(asked, told, "en") == [True, False, False]


@pytest.mark.parametrize(
    ("question", "text", "missing"),
    [
        ("Where does Tram 9 run?", TRAMS, "9"), ("What is in cabinet R?", CABINETS, "R"),
        ("What does the Marble shop sell?", SHOPS, "Marble"), ("Where was Selma Krantz born?", PEOPLE, "Selma, Krantz"),
    ],
)  # fmt: skip
def test_a_name_whose_place_others_have_is_not_answered(question: str, text: str, missing: str) -> None:
    answer = ask(question, text)
    assert answer.abstained
    assert answer.notices == (f"No passage mentions {missing}.",)


def test_a_name_that_merely_stands_nowhere_is_no_reason_to_abstain() -> None:
    assert "We lowered the port fees, as I promised." in quotes(
        "What did President Alden promise on port fees?", SPEECH
    )


@pytest.mark.parametrize(
    "name", ["Marta Olson", "Mongolian", "Geegen", "UMU", "Hahn's", "Tesla-like"],
)  # fmt: skip
def test_a_name_in_another_spelling_is_not_missing(name: str) -> None:
    texts = ["Marta Olsen met Hahn.", "The Mongols came.", "Gegeen and Tesla.", "The United Mariners Union met."]
    assert missing_names(f"What about {name}?", texts, lowered(texts), "en") == []
    assert [it.word for it in missing_names("What about Krantz?", texts, lowered(texts), "en")] == ["Krantz"]


@pytest.mark.parametrize(
    ("question", "text", "code", "form"),
    [
        ("Wie hoch ist Evas Lohn?", "Eva Lux verdient 900.", "de", {"Evas": "Eva"}),
        ("Wie hoch ist der Preis?", "Das Eva Lux sagt: teuer.", "de", {}),
        ("Wat doet Piets zus?", "Piet Kok zingt.", "nl", {"Piets": "Piet"}),
        ("Kim był brat Ewy?", "Tam mieszka Ewa Lis.", "pl", {"Ewy": "Ewa"}),
        ("Кем был брат Ивана?", "Там живёт Иван.", "ru", {"Ивана": "Иван"}),
        ("Mikä oli Akin vaimo?", "Aki Salo syntyi.", "fi", {"Akin": "Aki"}),
        ("Ali'nin evi nerede?", "Ali Kaya geldi.", "tr", {"Ali'nin": "Ali"}),
        ("Que fait le frère d'Eva ?", "Eva chante.", "fr", {"d'Eva": "Eva"}),
        ("What did Marks say?", "Mark sang.", "en", {}),
    ],
)
def test_names_are_known_in_their_cases(question: str, text: str, code: str, form: dict[str, str]) -> None:
    assert inflected_names(question, [text], code) == form
    (word, name), *_ = [*form.items(), ("", "")]
    assert as_written(question, form) == question.replace(word, name)


def test_a_german_genitive_is_answered_with_the_row_of_its_name() -> None:
    rows = "Name: Ida Falk | Ort: Jena\nName: Eva Lux | Ort: Ulm\nName: Otto Bra | Ort: Bonn"
    assert quotes("Was ist Evas Ort?", rows, "de") == ["Name: Eva Lux | Ort: Ulm"]


def test_a_noun_behind_a_german_genitive_is_no_missing_name() -> None:
    texts = ["Dort lebte Gandhi Swami.", "Er lobte Gandhi Patel.", "Gandhis Satyagraha half."]
    assert missing_names("Wie hieß Gandhis Vorgehensweise?", texts, lowered(texts), "de") == []


def test_a_numbered_line_above_a_sentence_is_a_heading_and_an_item_is_none() -> None:
    text = "4 The year 2020\nThe port handled 1,377 ships and got many new boats.\n\n1. Pour 3 litres of water\n2. Wait"
    units = units_of([Evidence("a.txt", 0, len(text), text, 1.0)], "en")
    assert [unit.is_quotable for unit in units] == [False, True, True, True]


FACTORIES = {"Abel": "soap", "Bruno": "rope", "Celia": "glass", "Doris": "soap", "Enno": "rope", "Fritz": "glass"}
LONG = "\n\n".join(
    f"The {name} factory is in Hull. The books were read in spring and found right.\nIts main product is {goods}."
    for name, goods in FACTORIES.items()
)
"""Each paragraph is two chunks of :func:`chunks_of`."""


def chunks_of(text: str) -> list[Chunk]:
    starts, found = 0, []
    for line in filter(None, text.split("\n")):
        starts = text.index(line, starts)
        found.append(Chunk("a.txt", 0, starts, starts + len(line), line))
        starts += len(line)
    return found


@pytest.mark.parametrize("name", list(FACTORIES))
def test_a_sentence_keeps_its_subject_though_its_paragraph_is_two_chunks(name: str) -> None:
    index = MemoryIndex.of(FaissIndex.from_chunks(chunks_of(LONG), HashEmbeddings()), "en")
    question = f"What is the main product of the {name} factory?"
    search = Search(hits=20, token_budget=120, chunk_tokens=20)
    evidence = retrieve(
        index, [Query("question", question)], search, count_tokens=lambda it: len(it.split()), language_code="en"
    )
    assert index.keywords
    answer = ExtractiveGenerator(embeddings=HashEmbeddings()).invoke({
        "question": question, "task_type": "memorag", "evidence": evidence, "outline": [], "draft": "",
        "prompts": Prompts(language("en")), "rarity": index.keywords.rarity(question),
    })  # fmt: skip
    assert f"Its main product is {FACTORIES[name]}." in answer.text
    assert not any(f"is {it}." in answer.text for it in set(FACTORIES.values()) - {FACTORIES[name]})


def test_a_paragraph_begins_where_it_does_in_the_document() -> None:
    chunks = chunks_of(LONG)
    for number, chunk in enumerate(chunks):
        first, offset = paragraph_start(chunks, number, 5)
        assert chunks[first].start + offset == max(LONG.rfind("\n\n", 0, chunk.start + 5) + 2, 0) * (number > 1)
    assert list(with_rest(chunks, [2, 5])) == [2, 3, 5, 4]


CHINESE = "\n\n".join(
    f"{name}公司的工厂在上海，自一九八零年起向我们供货。合同由采购部审查后签字。其主要产品是{goods}。"
    for name, goods in (("东海", "纸袋"), ("南华", "木箱"), ("新宇", "玻璃瓶"))
)


def test_a_sentence_in_chinese_belongs_to_the_subject_of_its_paragraph() -> None:
    found = quotes("南华公司的主要产品是什么？", CHINESE, "zh")
    assert "其主要产品是木箱。" in found
    assert not {"其主要产品是纸袋。", "其主要产品是玻璃瓶。"} & set(found)


ROWS = "\n".join(
    f"Depot: {name} North | Costs: {cost}" for name, cost in (("Alba", 9916), ("Bure", 7061), ("Cole", 2073))
)
FIRMS = "\n\n".join(
    f"{name} and Sons has its head office in {town}. Invoices are paid within thirty days."
    for name, town in (("Abbot", "Truro"), ("Birkin", "Bath"), ("Colley", "Exeter"), ("Denby", "Bath"))
)


@pytest.mark.parametrize(
    ("question", "text", "missing"),
    [
        ("What are the costs of Severn North?", ROWS, "Severn"), ("What are the costs of Thames?", ROWS, "Thames"),
        ("Which firms have their head office in Dundee?", FIRMS, "Dundee"),
        ("Where does Zeller and Sons have its head office?", FIRMS, "Zeller"),
        ("Which lamps stand on Crab Bank?", "The red lamp stands on Skua Rock. The blue lamp stands on Gull Head.",
         "Crab, Bank"),
    ],
)  # fmt: skip
def test_a_name_that_stands_nowhere_is_not_answered_with_rows_or_entries_of_others(
    question: str, text: str, missing: str
) -> None:
    answer = ask(question, text)
    assert answer.abstained
    assert missing.split(", ")[0] in answer.notices[0]
    assert answer.notices[0].startswith("No passage mentions ")


def test_a_row_or_entry_that_is_there_is_answered() -> None:
    assert quotes("What are the costs of Bure North?", ROWS) == ["Depot: Bure North | Costs: 7061"]
    assert quotes("Where does Colley and Sons have its head office?", FIRMS) == [
        "Colley and Sons has its head office in Exeter."
    ]


def test_a_chinese_number_of_something_else_is_no_missing_part() -> None:
    text = "比赛还剩四分钟时，卡罗莱纳拿到了球。观众很多，天气也很好。"
    assert "第四节" not in "".join(ask("在第四节中，卡罗莱纳拿到球时比赛还剩多少时间？", text, "zh").notices)
    text = "第一节\n\n会员缴费。\n\n第二节\n\n会员选举主席。"
    assert "第四节" in "".join(ask("第四节规定了什么？", text, "zh").notices)


def test_a_running_head_is_no_sentence_to_quote() -> None:
    head, text = "Annual Report 2020 - North Harbour Ltd.", "Sales rose by a third in the north."
    pages = f"{head}\n\n{text}\n\n{head.replace('2020', '2021')}\n\n{text}"
    quotable = {unit.citation.quote for unit in units_of([Evidence("a.txt", 0, len(pages), pages, 1.0)], "en")
                if unit.is_quotable}  # fmt: skip
    assert quotable == {text}
    (alone, _) = units_of([Evidence("a.txt", 0, len(pages) // 2, f"{head}\n\n{text}", 1.0)], "en")
    assert alone.is_quotable  # what stands once may be a sentence


LEFT = (
    "The dairy of Murren moved its trucks to the harbour of Olm. That is nine hundred loads a year. {denied}"
    "They went because the crane at Skell had stood still for a month.\n\nThe harbour of Skell is deep."
)


@pytest.mark.parametrize("denied", ["", "They did not go because of the price. "])
@pytest.mark.parametrize(
    ("question", "tells_why"),
    [
        ("Why did the dairy move its trucks to the harbour of Olm?", True),
        ("What made the dairy of Murren move its trucks?", True),
        ("Where did the dairy of Murren move its trucks?", False),
    ],
)
def test_the_cause_that_is_asked_for_follows_what_it_caused(denied: str, question: str, tells_why: bool) -> None:
    found = quotes(question, LEFT.format(denied=denied))
    assert found[0] == "The dairy of Murren moved its trucks to the harbour of Olm."
    assert ("They went because the crane at Skell had stood still for a month." in found) is tells_why
    assert "They did not go because of the price." not in found


def test_a_former_name_follows_what_is_said_of_its_bearer() -> None:
    text = "In March we bought a ferry at Olm. She had been called Skarvik. She takes ninety cars.\n\nThe quay is deep."
    assert "She had been called Skarvik." in quotes("What name did the ferry that we bought at Olm have?", text)
    more = "The ferry that we bought at Olm has a bar. "
    assert quotes("What name did the ferry that we bought at Olm have?", more + text) == [
        "In March we bought a ferry at Olm.",
        "She had been called Skarvik.",
    ]
    assert len(quotes("What does the ferry that we bought at Olm have?", more + text)) > 1
    units = units_of([Evidence("a.txt", 0, len(text), text, 1.0, page_map=NO_PAGES)], "en")
    for asked, kept in (("What name had the ferry?", [0]), ("What names had the ferry?", [0, 3])):
        assert before_name([0, 3], asked, units, surroundings_of(units, "en"), "en") == kept


@pytest.mark.parametrize(
    ("code", "question", "text", "cause"),
    [
        (
            "zh",
            "磨坊主为什么卖掉了磨坊？",
            "磨坊主在1880年卖掉了磨坊。那一年收成很好。他这样做是因为他的妻子病了。",
            "他这样做是因为他的妻子病了。",
        ),
        (
            "ar",
            "لماذا باعت الشركة السفينة؟",
            "باعت الشركة السفينة في عام 1880. كان الميناء عميقا. هي فعلت ذلك لأن السفينة قديمة.",
            "هي فعلت ذلك لأن السفينة قديمة.",
        ),
    ],
)
def test_causes_are_known_in_other_scripts(code: str, question: str, text: str, cause: str) -> None:
    assert cause in quotes(question, text, code)


@pytest.mark.parametrize(
    ("question", "text", "other"),
    [
        ("Who married Karl Brandt?", "Ida Voss married Karl Brandt. She had been called Ida Petersen.", "Petersen"),
        ("What name had the first teacher?", "The first teacher was an old woman. She had been called in.", "in."),
    ],
)
def test_a_former_name_is_told_only_if_it_is_one_and_asked_for(question: str, text: str, other: str) -> None:
    assert not any(other in quote for quote in quotes(question, text))
