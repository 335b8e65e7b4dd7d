"""Questions near to what a text tells: what it tells of others is refused, what the next sentence tells is quoted."""

import pytest
from langchain_core.embeddings import Embeddings

from memorag_graph.documents import PageMap
from memorag_graph.documents.numbered_headings import with_numbered
from memorag_graph.documents.page_references import asked_page, page_span
from memorag_graph.generation.answer import Citation
from memorag_graph.generation.quotable_sentences import Unit
from memorag_graph.generation.surroundings import Surroundings
from memorag_graph.generation.unit_weights import unit_weights
from memorag_graph.retrieval.dense_index import FaissIndex
from memorag_graph.retrieval.memory_index import MemoryIndex
from memorag_graph.retrieval.query import Query
from memorag_graph.retrieval.retrieve import Search, retrieve
from memorag_graph.text.chunking import Chunk
from memorag_graph.text.sentences import split_sentences
from tests.conftest import HashEmbeddings
from tests.test_field_answers import Ask, ask, embeddings, in_files, quotes

pytestmark = pytest.mark.embedded

__all__ = ["ask", "embeddings"]  # fixtures

TOLLS = "\n\n".join(
    f"Section {number}. {kind}\n\nThis section applies to {kind.lower()}. The toll is {toll} crowns in each direction."
    for number, (kind, toll) in enumerate({"Cars": 90, "Buses": 310, "Lorries": 480, "Tractors": 115}.items(), 1)
)
OWLS = "\n".join(f"Species: {name} owl | Wings: {wings} cm | Eggs: {eggs}" for name, wings, eggs in (
    ("Barn", 89, 5), ("Tawny", 99, 3), ("Little", 56, 4), ("Snowy", 150, 7),
))  # fmt: skip
METERS = "\n".join(f"meter: G-77{number} | flat: {number}A | reading: {4821 + 7 * number}" for number in range(1, 5))
SHIPS = "\n\n".join(f"The {name} is a coaster. She was built in {town}. She carries coal." for name, town in (
    ("Maud", "York"), ("Iris", "Hull"), ("Flora", "York"), ("Edith", "York"),
))  # fmt: skip


@pytest.mark.parametrize(
    ("text", "question", "absent", "told", "value"),
    [
        (TOLLS, "What is the toll for {}?", "taxis", "buses", "310"),
        (OWLS, "How many eggs does the {} owl lay?", "eagle", "snowy", "7"),
        (METERS, "What was the reading of meter {}?", "G-779", "G-773", "4842"),
        (
            "Delivery 5512 arrives on Monday. It has 18 pallets.",
            "When does delivery {} arrive?",
            "5519",
            "5512",
            "Monday",
        ),
    ],
)
def test_what_is_told_of_others_alone_is_refused(
    ask: Ask, text: str, question: str, absent: str, told: str, value: str
) -> None:
    refused = ask(question.format(absent), text)
    assert (refused.abstained, absent in " ".join(refused.notices)) == (True, True), refused
    assert any(value in it for it in quotes(ask(question.format(told), text)))


@pytest.mark.parametrize(
    ("text", "question"),
    [
        (SHIPS, "Which ships were built in York?"),  # a kind, not one of them
        (OWLS, "Which owl lays the biggest number of eggs?"),
        (OWLS, "How many eggs does the smallest owl have?"),
        (TOLLS, "What is the average toll?"),
    ],
)
def test_a_word_that_tells_none_of_many_is_not_missed(ask: Ask, text: str, question: str) -> None:
    assert not ask(question, text).abstained


@pytest.mark.parametrize(
    ("text", "asked", "told"),
    [
        ("Her aunt Maud Kerr, a painter, was born in 1815.", "When did Maud Kerr die?", "When was Maud Kerr born?"),
        ("Sein Bruder Karl Uhl starb 1852 in Lima.", "Wann wurde Karl Uhl geboren?", "Wann starb Karl Uhl?"),
        ("Name: Hamid Rahimi | Room: 31 | Arrival: 6 May", "When does Hamid Rahimi leave?", "When does Rahimi arrive?"),
        ("Check-in: 3 p.m.\nParking: behind the house", "When is check-out?", "When is check-in?"),
        (
            "Vendor: Pinter Kft | City: Gyor | Contact: Anna Pinter\nVendor: Olm AG | City: Wien | Contact: Udo Ohm",
            "What is the telephone number of Pinter Kft?",
            "Who is the contact of Pinter Kft?",
        ),
    ],
)
def test_the_counterpart_of_what_is_asked_is_refused(ask: Ask, text: str, asked: str, told: str) -> None:
    code = "de" if "starb" in text else "en"
    assert ask(asked, text, code).abstained
    assert quotes(ask(told, text, code))


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("Maud Kerr was born in 1815. She died in 1879.", "When did Maud Kerr die?"),
        ("The shop is open from 9 to 5.", "When does the shop close?"),
        ("Pinter Kft. Telephone 0361 889 42.", "What is the telephone number of Pinter Kft?"),
    ],
)
def test_what_the_evidence_tells_is_not_refused_for_a_counterpart(ask: Ask, text: str, question: str) -> None:
    assert not ask(question, text).abstained


@pytest.mark.parametrize(
    ("text", "question", "value"),
    [
        (
            "The boiler of the school was inspected on 4 February 2001. The inspector was Harold Quint. It rained.",
            "Who inspected the boiler?",
            "Harold Quint",
        ),
        (
            "The park's use for drones is ruled by the warden. Whoever offends against this pays a fine of 120 euros.",
            "What is the fine for offences with drones?",
            "120 euros",
        ),
        (
            "The mill of Orway stands on a slope. Its walls are thick. The owner is Carla Bossi.",
            "Who owns the mill?",
            "Bossi",
        ),
        (
            "In this room stands the clock of Master Bodin. It was made in oak and weighs two hundred kilograms.",
            "How heavy is the clock of Master Bodin?",
            "two hundred",
        ),
    ],
)
def test_the_sentence_that_tells_what_is_asked_follows_the_one_that_mentions_it(
    ask: Ask, text: str, question: str, value: str
) -> None:
    assert any(value in it for it in quotes(ask(question, text)))


def test_a_name_is_not_followed_by_what_is_told_of_something_else(ask: Ask) -> None:
    text = "The lighthouse was lit in winter. The ferry belonged to Harold Quint."
    assert not any("Quint" in it for it in quotes(ask("When was the lighthouse lit?", text)))


def test_a_date_with_a_point_ends_no_sentence() -> None:
    text = "Die Lieferung kommt am Montag, dem 16. September, mit Brandt. Sie wiegt 18. Das ist viel."
    assert [it.text for it in split_sentences(text, "de")] == [
        "Die Lieferung kommt am Montag, dem 16. September, mit Brandt.", "Sie wiegt 18.", "Das ist viel.",
    ]  # fmt: skip
    assert len(split_sentences("It was on May 16. September, however, was wet.", "en")) == 2


def test_an_unanswered_question_of_an_earlier_mail_is_no_answer(ask: Ask) -> None:
    reply = "We can repair the dinghy for 780 euros, with a new rudder."
    earlier = "What would it cost to repair my dinghy? I would like to pay no more than 600 euros."
    heading = "Quoted: On Monday, Mark wrote"
    text = f"Offer\n\n{reply}\n\n{heading}\n\n{earlier}"
    page_map = PageMap(sections=((0, "Offer"), (text.index(heading), heading)))
    found = quotes(ask("How much does the repair of the dinghy cost?", text, page_map=page_map))
    assert found == [reply]


def test_a_version_in_the_name_of_a_file_tells_it_from_others(embeddings: Embeddings) -> None:
    texts = {
        f"terms_v{it}.docx": f"Goods may be returned within {days} days." for it, days in (("1.4", 30), ("2.0", 14))
    }
    for version, days in (("1.4", "30"), ("2.0", "14")):
        (quote,) = in_files(embeddings, f"Within how many days to return goods under version {version}?", texts)
        assert days in quote


@pytest.mark.parametrize(
    ("question", "page"),
    [
        ("What does page iv say?", "iv"),
        ("What is written on page 12 of the report?", "12"),
        ("Was steht auf Seite A-3?", "a-3"),
        ("Que dit la page 7 ?", "7"),
        ("Who is named on page 4?", ""),  # not the page, but something on it
        ("What do pages 3 and 4 say?", ""),
        ("What does Article 7 say?", ""),
        ("Is there a page?", ""),
    ],
)
def test_a_question_for_a_page_alone_is_known(question: str, page: str) -> None:
    assert asked_page(question) == page


def test_a_page_is_quoted_by_its_label_or_its_number(ask: Ask) -> None:
    texts = ["Written by Ruth Calloway in winter.", "Thanks are due to the library.", "The well was dug in 1312."]
    starts = [sum(len(it) + 2 for it in texts[:at]) for at in range(3)]
    numbered = PageMap(pages=tuple((start, at + 1) for at, start in enumerate(starts)))
    labelled = PageMap(pages=numbered.pages, labels=tuple(zip(starts, ("i", "ii", "1"), strict=True)))
    for page_map, page, at in ((labelled, "ii", 1), (labelled, "1", 2), (numbered, "1", 0), (numbered, "3", 2)):
        assert quotes(ask(f"What does page {page} say?", "\n\n".join(texts), page_map=page_map)) == [texts[at]]
        start, end = page_span(page_map, page) or (0, 0)
        assert (start, end) == (starts[at], starts[at + 1] if at < 2 else None)
    assert ask("What does page 9 say?", "\n\n".join(texts), page_map=labelled).abstained
    assert page_span(labelled, "3") is None


def test_the_chunks_of_a_page_are_found_however_long_the_document_is() -> None:
    pages = [f"The clerk of ward {number} keeps a ledger of its lamps. " * 12 for number in range(60)]
    text, starts = "".join(pages), [sum(map(len, pages[:at])) for at in range(60)]
    chunks = [Chunk("a.pdf", 0, at, min(at + 300, len(text)), text[at : at + 300]) for at in range(0, len(text), 300)]
    index = MemoryIndex.of(FaissIndex.from_chunks(chunks, HashEmbeddings()), "en")
    page_map = PageMap(pages=tuple((start, at + 1) for at, start in enumerate(starts)))
    search = Search(hits=5, token_budget=150, chunk_tokens=60)
    found = retrieve(
        index, [Query("question", "What does page 41 say?")], search,
        count_tokens=lambda it: len(it.split()), language_code="en", page_maps={"a.pdf": page_map},
    )  # fmt: skip
    start, end = starts[40], starts[41]
    assert found
    assert all(it.start < end and it.end > start for it in found)


def test_a_part_within_a_part_is_not_taken_for_the_part(ask: Ask) -> None:
    text = "\n\n".join(
        f"§ {number} Teil\n(1) Der {number}. Verein hat einen Sitz.\n(2) Der Austritt von {number} kostet Geld."
        for number in (1, 2, 3)
    )
    page_map = PageMap(sections=tuple(with_numbered(text, ())))
    said = quotes(ask("Was steht in § 2 Absatz 2?", text, "de", page_map=page_map))
    assert said == ["(2) Der Austritt von 2 kostet Geld."]


def test_what_stands_under_another_year_counts_less() -> None:
    asked, other, untold = Surroundings(title="letter for 2018"), Surroundings(title="letter for 2014"), Surroundings()
    quotes = [
        "We carried 3 million.",
        "We carried 2 million.",
        "We carried 4 million.",
        "In 2018 we carried 5 million.",
    ]
    units = [Unit(Citation(1, "a", 0, len(it), it), True, False, False) for it in quotes]
    belonging = [asked, other, untold, other]
    first, second, *rest = unit_weights("How many were carried in 2018?", units, belonging)
    assert first == rest[0] == rest[1] == 1.0 > second
    for question in ("How many were carried?", "How many were carried in 1990?", "How did it change from 2018 on?"):
        assert set(unit_weights(question, units, belonging)) == {1.0}
