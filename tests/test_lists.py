"""A question for a list or a count gets evidence from every place that fits, and says when it may be incomplete."""

import numpy as np
import pytest

from memorag_graph.documents import PageMap
from memorag_graph.generation.extractive_generator import ExtractiveGenerator
from memorag_graph.generation.notices import Findings, report_list
from memorag_graph.prompts import Prompts
from memorag_graph.retrieval.dense_index import FaissIndex
from memorag_graph.retrieval.list_matches import Match, Place, Reach, fitting, list_matches, reach
from memorag_graph.retrieval.listed_places import listed_places
from memorag_graph.retrieval.memory_index import MemoryIndex
from memorag_graph.retrieval.query import Query
from memorag_graph.retrieval.retrieve import Evidence, Search, retrieve
from memorag_graph.retrieval.selection import Selection
from memorag_graph.text.chunking import Chunk
from memorag_graph.text.languages import language
from memorag_graph.text.list_questions import asked_about, asks_for_list, may_ask_for_several, says_count
from tests.conftest import HashEmbeddings

TOWNS = ("Leeds", "Derby", "York")
FILLING = "Complaints go to the office, which answers soon. Prices are fixed for one year and then follow the index."
PARAGRAPHS = [f"Firm {number} has its works in {TOWNS[number % 3]}. {FILLING} Bags are sold." for number in range(60)]
TEXT = "\n\n".join(PARAGRAPHS)
IN_LEEDS = [f"Firm {number} has its works in Leeds." for number in range(0, 60, 3)]
QUESTION = "Which firms have their works in Leeds?"


def count(text: str) -> int:
    return len(text.split())


def chunks_of(paragraphs: list[str]) -> list[Chunk]:
    starts = np.cumsum([0, *(len(it) + 2 for it in paragraphs)])
    return [Chunk("a.txt", 0, int(at), int(at) + len(it), it) for at, it in zip(starts, paragraphs, strict=False)]


@pytest.fixture(scope="module")
def index() -> MemoryIndex:
    return MemoryIndex.of(FaissIndex.from_chunks(chunks_of(PARAGRAPHS), HashEmbeddings()), "en")


def find(index: MemoryIndex, question: str, budget: int) -> list[Evidence]:
    search = Search(hits=20, token_budget=budget, chunk_tokens=64)
    return retrieve(index, [Query("question", question)], search, count_tokens=count, language_code="en")


def answer(index: MemoryIndex, question: str, evidence: list[Evidence]):
    assert index.keywords
    places = [(it.source, it.start, it.end) for it in evidence]
    return ExtractiveGenerator(embeddings=HashEmbeddings()).invoke({
        "question": question, "task_type": "memorag", "evidence": evidence, "outline": [], "draft": "",
        "prompts": Prompts(language("en")), "rarity": index.keywords.rarity(question),
        "reach": reach(listed_places(index, question), index.chunks, places),
    })  # fmt: skip


@pytest.mark.parametrize("budget", [40, 100, 200, 400, 2000])
def test_places_of_a_list_come_from_everywhere_and_the_budget_holds(index: MemoryIndex, budget: int) -> None:
    evidence = find(index, QUESTION, budget)
    assert sum(count(it.text) for it in evidence) <= budget
    assert all(TEXT[it.start : it.end] == it.text for it in evidence)
    found = [it for it in IN_LEEDS if any(it in passage.text for passage in evidence)]
    room = (budget - budget // 4 - 30) // count(IN_LEEDS[0])  # a quarter is for whole chunks, of 29 words
    assert len(found) >= min(len(IN_LEEDS), room)


@pytest.mark.parametrize("budget", [100, 300, 5000])
def test_an_answer_quotes_what_fits_and_nothing_else_and_says_what_is_left_out(index: MemoryIndex, budget: int) -> None:
    evidence = find(index, QUESTION, budget)
    result = answer(index, QUESTION, evidence)
    quotes = [it.quote for it in result.citations]
    assert quotes == [it for it in IN_LEEDS if any(it in passage.text for passage in evidence)]
    left_out = len(IN_LEEDS) - len(quotes)
    assert ("list_may_be_incomplete" in result.faults) == (budget < 5000)
    assert not left_out or f"{left_out} more places that match" in " ".join(result.notices)


def test_more_than_fifty_are_counted(index: MemoryIndex) -> None:
    evidence = find(index, "List all works of a firm.", 5000)
    result = answer(index, "List all works of a firm.", evidence)
    assert len(result.citations) == 50
    assert any("10 more places that match" in notice for notice in result.notices)


def test_a_sentence_with_a_pronoun_comes_with_what_it_is_about() -> None:
    ships = [f"The Sea{number} is a coaster. She was built in {TOWNS[number % 3]}. {FILLING}" for number in range(30)]
    index = MemoryIndex.of(FaissIndex.from_chunks(chunks_of(ships), HashEmbeddings()), "en")
    evidence = find(index, "Which ships were built in York?", 250)
    pairs = [f"The Sea{number} is a coaster. She was built in York." for number in range(2, 30, 3)]
    assert [it for it in pairs if not any(it in passage.text for passage in evidence)] == []
    text = answer(index, "Which ships were built in York?", evidence).text
    assert all(f"The Sea{number} is a coaster." in text for number in range(2, 30, 3))
    assert "The Sea0 " not in text


@pytest.mark.parametrize("tail", ["{} are its main product.", "{} are what it buys most.", "There are {} in store."])
def test_equal_sentences_of_several_entries_are_each_listed_with_their_subject(tail: str) -> None:
    goods = ("Jars", "Bags", "Ropes")
    firms = [
        f"Firm {number} has its works in Leeds. {FILLING} {tail.format(goods[number % 3])}" for number in range(30)
    ]
    index = MemoryIndex.of(FaissIndex.from_chunks(chunks_of(firms), HashEmbeddings()), "en")
    question = "Which firms have bags?"
    result = answer(index, question, find(index, question, 400))
    said = [it.quote for it in result.citations]
    assert said == [
        it for number in range(1, 30, 3)
        for it in (f"Firm {number} has its works in Leeds.", tail.format("Bags"))
    ]  # fmt: skip


def test_what_stands_under_a_heading_with_all_words_belongs_to_the_list() -> None:
    weights = {"guid": 2.0}
    places = [Place("- Ada Roth", "Guides", "Guides"), Place("- Ben Moss", "Cooks", "Cooks"), Place("A guide left.")]
    assert fitting(places, weights, "en") == [0, 2]


def test_words_that_no_place_holds_and_those_of_all_names_do_not_matter() -> None:
    weights = {"firm": 9.0, "leed": 2.0, "work": 1.1, "list": 9.0}
    places = [Place(f"Its works are in {town}.", "firm list") for town in ("Leeds", "York", "Leeds")]
    assert fitting(places, weights, "en") == [0, 2]


def test_neighbours_become_one_passage_and_whole_chunks_replace_parts() -> None:
    chunks = chunks_of(["One two.\nThree four. Five six seven eight.", "Nine."])
    selection = Selection(chunks, 7, count, "en")
    selection.cut([Match(0, 0, 8), Match(0, 9, 20)])
    assert list(selection.passages()) == [Match(0, 0, 20)]
    selection.take([0, 1])
    assert list(selection.passages()) == [Match(0, 0, 20), Match(1, 0, 5)]
    roomy = Selection(chunks, 9, count, "en")
    roomy.cut([Match(0, 9, 20)])
    roomy.take([0, 1])
    assert list(roomy.passages()) == [Match(0, 0, 42), Match(1, 0, 5)]


def test_headings_of_sections_are_matched() -> None:
    chunks = chunks_of([FILLING * 2, "Ada Roth stays late.", "Ben Moss stays late."])
    index = MemoryIndex.of(FaissIndex.from_chunks(chunks, HashEmbeddings()), "en")
    page_map = PageMap(sections=((0, "Harbour"), (chunks[1].start, "Guides"), (chunks[2].start, "Cooks")))
    assert index.keywords
    found = list_matches(index.keywords, "Which guides stay late?", {"a.txt": page_map})
    assert [it.chunk for it in found] == [1]


@pytest.mark.parametrize(
    ("known", "more", "told"),
    [
        (Reach(0, is_whole=True), 0, ""),
        (Reach(0, is_whole=False), 0, "no other place matches"),
        (Reach(1, is_whole=False), 0, "1 more place that matches"),
        (Reach(2, is_whole=False), 3, "5 more places that match"),
        (None, 0, "may not name all"),
    ],
)
def test_the_notice_says_what_is_known(known: Reach | None, more: int, told: str) -> None:
    findings = Findings()
    report_list(findings, known, more)
    assert told in " ".join(findings.notices)
    assert len(findings.faults) == bool(told)


@pytest.mark.parametrize(
    "question",
    [
        "Name the employees who live in Turin.", "Who are the trustees?", "Where are all the depots?",
        "Who have keys to the shed?", "Which people live in Bern?", "Which large shops are in Dundee?",
        "What items are made of oak?", "Welche Boote liegen im Hafen?", "Nennen Sie alle Mitarbeiter in Bonn.",
        "Wer sind die Mitglieder?", "Combien de bateaux sont à Brest ?", "¿Qué empresas están en Madrid?",
        "Quali fornitori sono a Torino?", "Quais navios foram vendidos?", "Hoeveel boten liggen er?",
        "Какие поставщики находятся в Лидсе?", "有多少家供应商在利兹？",
    ],
)  # fmt: skip
def test_more_questions_for_lists(question: str) -> None:
    assert asks_for_list(question)
    assert asked_about(question) != question


@pytest.mark.parametrize(
    "question",
    [
        "What is the phone number of Nils?", "Name the captain of the ship.", "Welche Farbe hat das Boot?",
        "Where are the samples kept?", "Combien coûte le billet ?", "Hoeveel kost het?", "Сколько стоит билет?",
        "这本书多少钱？", "How much does the tank hold?", "Which analysis was made?",
    ],
)  # fmt: skip
def test_more_questions_for_one_thing(question: str) -> None:
    assert not asks_for_list(question)


@pytest.mark.parametrize(
    ("question", "text", "expected"),
    [
        ("How many litres does the tank hold?", "The tank holds 400 litres.", True),
        ("How many litres does the tank hold?", "The tank holds 400 l.", True),
        ("How many cabins does she have?", "She has three small cabins.", True),
        ("How many rooms does the Seeblick have?", "Rooms: 28", True),
        ("Wie viele Personen hat der Vorstand?", "Der Vorstand besteht aus drei Personen.", True),
        ("How many employees live in Porto?", "Vale lives in Porto and joined in 1990.", False),
        ("How many employees live in Porto?", "Vale lives in Porto.", False),
        ("Who lives in Porto?", "Three employees live in Porto.", False),
    ],
)
def test_whether_a_sentence_says_the_number(question: str, text: str, expected: bool) -> None:
    assert says_count(question, text) == expected


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Who buys wool?", True), ("Which depot holds oil?", True), ("Which park is open on Sunday?", True),
        ("Wer kauft Wolle?", True), ("Welches Depot lagert Öl?", True), ("Qui achète de la laine ?", True),
        ("¿Quién compra lana?", True), ("Who wrote it?", False), ("Who is the mayor?", False),
        ("Which depot does Ann run?", False), ("Which depots hold oil?", False), ("What is it?", False),
    ],
)  # fmt: skip
def test_questions_for_one_that_several_places_may_answer(question: str, expected: bool) -> None:
    assert may_ask_for_several(question) is expected
