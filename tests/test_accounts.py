"""Accounts of something, titles that are longer lines, and summaries of a part."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from langchain_core.embeddings import Embeddings
from langchain_core.messages import AIMessage

from memorag_graph.clues.recall import FEWEST_POINTS, MemoryRecall, Recalled
from memorag_graph.documents import PageMap, from_text
from memorag_graph.generation.answer import Answer, GenerationInput
from memorag_graph.generation.extractive_generator import ExtractiveGenerator
from memorag_graph.generation.quotable_sentences import units_of
from memorag_graph.generation.summary.account import ACCOUNT_WORDS
from memorag_graph.generation.surroundings import surroundings_of
from memorag_graph.graph import build_graph
from memorag_graph.memory.section_note import SectionNote
from memorag_graph.models.loading import ModelSource, load_embeddings
from memorag_graph.prompts import Prompts
from memorag_graph.registry import Registry
from memorag_graph.retrieval.keyword_index import KeywordIndex
from memorag_graph.retrieval.retrieve import Evidence
from memorag_graph.state import GraphInput
from memorag_graph.text.account_requests import asks_for_account
from memorag_graph.text.chunking import Chunk
from memorag_graph.text.languages import language
from tests.conftest import TEXT, TINY

TITLES = (
    "How the village came to pay for a harbour that it did not want",
    "What the winter took from the people, and what it left to them",
    "Why the last of the families went away and never came home again",
)
DATED_TITLE = "How a promise made in 1921 cost the village its boats in 1926"
PARAGRAPHS = (
    "Dunmarrow was a fishing village of sixty families below the northern cliffs. In 1921 the county built a harbour "
    "wall there, although the fishermen had asked for a road. The debt for the wall fell on Dunmarrow alone.",
    "The winter of 1926 broke the wall of Dunmarrow in two places. Eleven boats were lost in one night, and the "
    "smokehouse burned down. The county refused to repair the wall before the debt was paid.",
    "By 1931 only nine families lived in Dunmarrow. The school was closed, and the ferry no longer called. On the last "
    "day of May 1934 the widow Petrie locked the chapel and rowed to the mainland, and Dunmarrow stood empty.",
)
STORY = "\n\n".join(f"{title}\n\n{paragraph}" for title, paragraph in zip(TITLES, PARAGRAPHS, strict=True))
CLAUSES = "\n\n".join(
    f"Article {number}\n\n" + " ".join(f"The {thing} {kind} is kept by the {who}." for kind in ("fee", "form", "date"))
    for number, (thing, who) in enumerate([("mooring", "warden"), ("fishing", "clerk"), ("salvage", "mayor")], start=1)
)


def evidence_of(text: str, source: str = "a.txt") -> Evidence:
    page_map = from_text(text, source).page_map
    if source.endswith(".md"):
        page_map = PageMap(sections=tuple((it.start(), it[1]) for it in re.finditer(r"^#+ (.*)$", text, re.MULTILINE)))
    return Evidence(source, 0, len(text), text, 1.0, page_map=page_map)


def quotable(text: str) -> list[str]:
    return [unit.citation.quote for unit in units_of([evidence_of(text)], "en") if unit.is_quotable]


@pytest.fixture(scope="module")
def embeddings() -> Embeddings:
    return load_embeddings(ModelSource("embedded"))


Ask = Callable[..., Answer]


@pytest.fixture
def ask(embeddings: Embeddings) -> Ask:
    def run(question: str, *texts: str, names: Sequence[str] = (), code: str = "en") -> Answer:
        """Ask texts, each of which is one passage."""
        called = names or [f"{at}.txt" for at in range(len(texts))]
        passages = [evidence_of(text, name) for text, name in zip(texts, called, strict=True)]
        chunks = [Chunk(it.source, 0, it.start, it.end, it.text) for it in passages]
        given = GenerationInput(
            question=question, task_type="memorag", evidence=passages, outline=[], draft="",
            prompts=Prompts(language(code)), rarity=KeywordIndex.from_chunks(chunks, code).rarity(question),
        )  # fmt: skip
        answer = ExtractiveGenerator(embeddings=embeddings).invoke(given)
        assert all(texts[it.number - 1][it.start : it.end] == it.quote for it in answer.citations)
        return answer

    return run


@pytest.mark.parametrize(
    "request_",
    [
        "Summarise what happened to Dunmarrow.",
        "Could you please summarize the prices?",
        "In a few words, give an overview of the prices.",
        "Write a short history of Dunmarrow",
        "Outline how the fleet was changed.",
        "Describe how the wall was lost.",
        "Fasse zusammen, wie Dunmarrow verlassen wurde.",
        "Fass den Bericht bitte zusammen.",
        "Beschreibe, wie der Wall gebaut wurde.",
        "Beschreiben Sie, wie der Wall gebaut wurde.",
        "Geben Sie einen Überblick über die Preise.",
        "Résume l'histoire de Dunmarrow.",
        "Donnez-moi un aperçu des prix.",
        "Resume la historia de Dunmarrow.",
        "Riassumi la storia di Dunmarrow.",
        "Resuma a história de Dunmarrow.",
        "Vat de geschiedenis van Dunmarrow samen.",
        "请简要概括邓马罗的历史。",
        "总结一下会议。",
        "ダンマローの歴史を要約してください。",
    ],
)
def test_a_request_for_an_account_is_known(request_: str) -> None:
    assert asks_for_account(request_)


@pytest.mark.parametrize(
    "question",
    [
        "When was Dunmarrow left?",
        "Trace id of the failed request?",
        "Outline dimensions of the pump?",
        "Recount result of the northern ward?",
        "Where do I give my account number?",
        "What should I provide for the account?",
        "Does the museum present a history of the lighthouse?",
        "Which banks provide a savings account?",
        "Welches Fassungsvermögen haben die Tanks zusammen?",
        "Was fassen die beiden Becken zusammen?",
        "In welk vat zitten olie en water samen?",
        "Resume interrupted downloads: which flag?",
        "年度总结会议在哪里举行？",
        "总结会议在哪里举行？",
        "会社概要の電話番号は？",
    ],
)
def test_other_questions_with_the_same_words_ask_for_none(question: str) -> None:
    assert not asks_for_account(question)


@pytest.mark.embedded
def test_an_account_has_more_than_three_sentences_in_order_within_its_length(ask: Ask) -> None:
    answer = ask("Summarise what happened to Dunmarrow.", STORY)
    assert not answer.abstained
    starts = [it.start for it in answer.citations]
    assert len(starts) > 3
    assert starts == sorted(starts)
    assert sum(len(it.quote.split()) for it in answer.citations) <= ACCOUNT_WORDS
    assert all(it.quote in answer.text for it in answer.citations)
    assert not {it.quote for it in answer.citations} & set(TITLES)


@pytest.mark.embedded
def test_other_questions_get_few_sentences(ask: Ask) -> None:
    answer = ask("Who locked the chapel of Dunmarrow?", STORY)
    assert 1 <= len(answer.citations) <= 3
    assert "widow Petrie" in answer.text


@pytest.mark.embedded
def test_an_account_of_a_part_is_of_that_part(ask: Ask) -> None:
    quotes = [it.quote for it in ask("Summarize Article 2.", CLAUSES).citations]
    assert quotes == [f"The fishing {kind} is kept by the clerk." for kind in ("fee", "form", "date")]


@pytest.mark.embedded
def test_an_account_has_no_sentence_without_the_one_that_it_refers_to(ask: Ask) -> None:
    dull = " ".join(f"The old net number {number} was mended by a cousin of a friend of his." for number in range(30))
    told = "It shook Dunmarrow."
    story = STORY.replace("By 1931", f"{dull} {told} By 1931")
    quotes = [it.quote for it in ask("Summarise what happened to Dunmarrow.", story).citations]
    assert len(quotes) > 3
    assert told not in quotes
    alone = [it.quote for it in ask("Summarise it.", "They left the island in 1931.").citations]
    assert alone == ["They left the island in 1931."]


@pytest.mark.embedded
@pytest.mark.parametrize(
    "text",
    [
        "This was a year of two storms. It was also the year of the new ferry. It has room for eighty cars.",
        "# Letter\n\nThese lines are for my sister. They are about the storm. It took the roof of the chapel.",
        "\nIt has room for eighty cars. It was built of oak and painted blue. It pleased the islanders.",
    ],
)
def test_an_account_loses_nothing_that_opens_a_text_nor_all_that_refers_back(ask: Ask, text: str) -> None:
    quotes = [it.quote for it in ask("Summarize the letter.", text, names=["letter.txt"]).citations]
    assert quotes == quotable(text)
    assert len(quotes) == 3


@pytest.mark.embedded
def test_an_account_of_somebody_tells_more_than_how_the_text_begins(ask: Ask) -> None:
    did = ["studied law", "worked for nine years", "bought a tug", "sold two small boats", "wrote a book on knots"]
    did += ["built a pier of oak", "opened a school for pilots", "learned to fly", "gave her papers to the museum"]
    told = [f"She {it}, and the people of the town spoke of it for a long time." for it in did]
    text = " ".join(["Ingrid Sandvik was born in 1950.", *told])
    quotes = [it.quote for it in ask("Summarize the life of Ingrid Sandvik.", text).citations]
    assert quotes[0] == "Ingrid Sandvik was born in 1950."
    assert set(quotes) & set(told[4:])


@pytest.mark.embedded
def test_an_account_says_nothing_twice(ask: Ask) -> None:
    quotes = [it.quote for it in ask("Summarise what happened to Dunmarrow.", STORY, STORY).citations]
    assert len(quotes) == len(set(quotes)) > 3


@pytest.mark.embedded
def test_documents_about_something_else_are_left_out(ask: Ask) -> None:
    other = (
        "Skerrow is an island of two hundred people to the south. Its lighthouse was lit in 1888, and merchants paid "
        "for the oil. In 1930 the bishop opened a school for forty children there."
    )
    answer = ask("Summarise what happened to Dunmarrow.", PARAGRAPHS[0], other)
    assert {it.source for it in answer.citations} == {"0.txt"}


MINUTES = """Present: I. Sandvik, P. Lunde (clerk) and R. Okafor.

Lunde reported that the tug Svanen needs a new engine. Okafor asked what it would cost. The offer is 310,000 euros.
The board decided to wait for a second offer."""
REPORT = """# Harbour of Ostrand: annual report

## Traffic
In 2021 the harbour handled 412,000 tonnes of cargo. In 2020 it handled 388,000 tonnes of cargo.

## People
The harbour master is Ingrid Sandvik. The crew grew to 64 people.

## Money
Operating profit was 1.1 million euros because the new crane cut waiting times."""
VESSELS = "\n".join(
    f"vessel: {name} | built: {year}" for name, year in (("Svanen", 1998), ("Ternen", 2007), ("Alken", 1989))
)
LIBRARY = {"minutes.txt": MINUTES, "report_2021.md": REPORT, "vessels.txt": VESSELS}


@pytest.mark.embedded
def test_documents_without_a_word_of_the_request_do_not_fill_an_account(ask: Ask) -> None:
    answer = ask("Summarize the discussion about the tug engine.", *LIBRARY.values(), names=[*LIBRARY])
    assert "Lunde reported that the tug Svanen needs a new engine." in answer.text
    assert {it.source for it in answer.citations} == {"minutes.txt"}


@pytest.mark.embedded
@pytest.mark.parametrize(
    ("request_", "source"),
    [("Summarize the minutes.", "minutes.txt"), ("Give an overview of the report.", "report_2021.md")],
)
def test_an_account_of_a_document_that_is_called_by_its_name_is_of_all_of_it(
    ask: Ask, request_: str, source: str
) -> None:
    answer = ask(request_, *LIBRARY.values(), names=[*LIBRARY])
    quotes = [it.quote for it in answer.citations]
    assert {it.source for it in answer.citations} == {source}
    assert quotes == [it for it in quotable(LIBRARY[source]) if not it.startswith("#")]


TIMETABLE = "The bus leaves the square at 7.15. The last bus comes back at 19.40. Tickets cost two euros."
LETTER = "Dear Bo, I am sending you the list of last year. Please tell me whether you need another one."
SHOP = "The shop sells stamps. Letters cost one euro. Parcels cost four euros."
CATALOGUE = """# Catalogue of the shop

## Opening hours
The shop is open from nine to five on all days.

## Prices
A lamp costs 20 euros. A chair costs 45 euros."""


@pytest.mark.embedded
@pytest.mark.parametrize(
    ("request_", "library", "source"),
    [
        ("Summarize Dunmarrow.", {"dunmarrow_bus.txt": TIMETABLE, "story.txt": STORY}, "story.txt"),
        ("Summarize the prices.", {"prices_2019_letter.txt": LETTER, "catalogue.md": CATALOGUE}, "catalogue.md"),
        ("Summarize the report.", {"ostrand_2021.md": REPORT, "minutes.txt": MINUTES}, "ostrand_2021.md"),
        ("Summarize the letters.", {"skerrow_letters.txt": LETTER, "shop.txt": SHOP}, "skerrow_letters.txt"),
    ],
)
def test_a_name_that_holds_the_words_of_the_request_beside_others_hides_no_document_that_tells_of_these(
    ask: Ask, request_: str, library: dict[str, str], source: str
) -> None:
    quotes = [it.quote for it in ask(request_, *library.values(), names=[*library]).citations if it.source == source]
    assert len(quotes) > 1
    if source == "ostrand_2021.md":  # its title holds all words, so that it is meant as a whole
        assert quotes == [it for it in quotable(REPORT) if not it.startswith("#")]


@pytest.mark.embedded
def test_documents_are_called_by_the_words_of_the_request_whatever_their_sentences_say_instead(ask: Ask) -> None:
    later = "The board met again in April. The second offer was 290,000 euros."
    library = {"meeting_2021-03.txt": MINUTES, "meeting_2021-04.txt": later, "vessels.txt": VESSELS}
    answer = ask("Summarize the meeting.", *library.values(), names=[*library])
    assert {it.source for it in answer.citations} == {"meeting_2021-03.txt", "meeting_2021-04.txt"}


@pytest.mark.parametrize("title", ["# Harbour of Ostrand: annual report", "# Ostrand: 1990 to 2021", "# Annual report"])
def test_the_title_of_a_document_is_not_quoted_whatever_it_looks_like(title: str) -> None:
    text = REPORT.replace("# Harbour of Ostrand: annual report", title, 1)
    passage = evidence_of(text, "report.md")
    quotes = [unit.citation.quote for unit in units_of([passage], "en") if unit.is_quotable]
    assert title not in quotes
    assert len(quotes) == 5


@pytest.mark.parametrize(
    ("line", "speaker", "code"),
    [
        ("Present: I. Sandvik, P. Lunde (clerk) and R. Okafor.\nThe board met at noon.", None, "en"),
        ("Lunde: I told the board, and Okafor agreed.\nThe board met at noon.", "Lunde", "en"),
        ("Lunde: Yes, Okafor.\nThe board met at noon.", "Lunde", "en"),
        ("Bo: Äpfel, Birnen und Brot.\nThe board met at noon.", "Bo", "de"),
    ],
)
def test_the_label_of_a_list_of_names_is_no_speaker(line: str, speaker: str | None, code: str) -> None:
    units = units_of([evidence_of(line)], code)
    assert units[-1].citation.quote == "The board met at noon."
    assert surroundings_of(units, code)[-1].speaker == speaker


@pytest.mark.embedded
def test_what_is_about_something_else_does_not_fill_an_account(ask: Ask) -> None:
    text = (
        "The pump stands in the cellar. To reset the pump, close the valve. Then press the red button twice.\n\n"
        "The garden has nine apple trees. The bicycles were sold to the bishop.\n\nThe attic is full of spiders."
    )
    quotes = {it.quote for it in ask("Describe how to reset the pump.", text).citations}
    assert "To reset the pump, close the valve." in quotes
    assert not quotes & {"The garden has nine apple trees.", "The bicycles were sold to the bishop."}


@pytest.mark.embedded
def test_an_account_of_a_mail_is_of_its_body_too(ask: Ask) -> None:
    body = "The pump broke again last night. The dealer wants 300 euros for a new seal."
    mail = (
        f"From: Anna Holm <anna@skerrow.example>\nTo: Bo Dahl <bo@skerrow.example>\n\nDear Bo,\n\n{body}\n\nYours, Anna"
    )
    assert " ".join(it.quote for it in ask("Summarise the mail from Anna.", mail).citations[-2:]) == body


@pytest.mark.embedded
def test_an_account_of_records_is_of_those_that_are_asked_for(ask: Ask) -> None:
    log = [f"2024-03-0{day} 10:00:00 {'INFO' if day % 3 else 'ERROR'} pump {day} was seen" for day in range(1, 10)]
    assert [it.quote for it in ask("Summarise the errors.", "\n".join(log)).citations] == log[2::3]


@pytest.mark.embedded
def test_a_list_under_the_heading_that_is_asked_for_is_quoted_whole(ask: Ask) -> None:
    items = [f"- Lamp {chr(65 + at)}: {10 + at} euros" for at in range(25)]
    text = "# Prices\n\n" + "\n".join(items) + "\n\n# Opening hours\n\nWe are open from nine to five on all days."
    assert [it.quote for it in ask("Give an overview of the prices", text).citations] == items


@pytest.mark.embedded
def test_an_account_of_what_stands_nowhere_is_refused(ask: Ask) -> None:
    assert ask("Summarise the voyages of Captain Oluwaseun Adeyemi to Macao.", STORY).abstained
    assert ask("Summarize Article 9.", CLAUSES).abstained


@pytest.mark.parametrize("title", [*TITLES, DATED_TITLE])
def test_a_title_that_is_a_longer_line_is_not_quoted(title: str) -> None:
    assert title not in quotable(f"{STORY}\n\n{title}\n\n{PARAGRAPHS[0]}")
    assert all(sentence in " ".join(quotable(STORY)) for sentence in PARAGRAPHS[0].split(". ")[:-1])


@pytest.mark.parametrize("title", TITLES)
def test_the_same_line_in_a_text_without_full_stops_is_quoted(title: str) -> None:
    assert title in quotable(STORY.replace(".", ""))


@pytest.mark.parametrize(
    "line",
    [
        "The ferry leaves the eastern pier of the island every day at 7.15",
        "Please send the form with all your papers to office@dunmarrow.example",
        "Why not send the form with all your papers to office@dunmarrow.example",
        "How to get to the island is told to everybody who rings 0151 440 9981",
        "Come to the eastern pier of the island with your papers in May 2027",
        "The old maps of the bay are shown to everybody at www.dunmarrow.example/maps",
        "Petrie: I put the spare key under the blue flower pot by the door",
        "● Bring a torch and spare batteries for the long walk back to the hut",
        "b) Bring a torch and spare batteries for the long walk back to the hut",
        "Parking – behind the chapel, please leave the first places to the priest",
    ],
)
def test_a_line_that_tells_something_is_quoted(line: str) -> None:
    assert line in quotable("\n\n".join([*PARAGRAPHS, line, PARAGRAPHS[0]]))


def test_lines_one_after_the_other_are_a_list() -> None:
    items = [
        "Bring a torch and spare batteries for the walk back to the hut",
        "Wear boots that keep the water out, as the path floods at noon",
        "Leave a note with the warden so that somebody knows where you are",
    ]
    assert set(items) <= set(quotable("\n\n".join([*PARAGRAPHS, *items, PARAGRAPHS[0]])))


def test_where_headings_are_known_other_lines_are_none() -> None:
    text = "\n\n".join(
        ["Dunmarrow", PARAGRAPHS[0], "Keep the gate closed at all times because of the sheep", *PARAGRAPHS]
    )
    known = Evidence("a.md", 0, len(text), text, 1.0, page_map=PageMap(sections=((0, "Dunmarrow"),)))
    quotes = [unit.citation.quote for unit in units_of([known], "en") if unit.is_quotable]
    assert "Keep the gate closed at all times because of the sheep" in quotes


class Silent:
    """Stands in for a memory whose points are all useless."""

    max_new_tokens = 64
    begins_answers = True
    adapter = None

    def __len__(self) -> int:
        return 1

    def ask(self, *_: object, **__: object) -> list[AIMessage]:
        return [AIMessage("")]


def test_a_summary_of_a_part_is_searched_with_notes_about_it() -> None:
    notes = [SectionNote(0, at, at + 1, str(at), text) for at, text in enumerate(PARAGRAPHS)]
    recall = MemoryRecall(Silent(), Prompts(language("en")), notes)  # type: ignore[arg-type]
    part = recall.outline("Summarize what became of the chapel.", is_about_whole=False).items
    assert part
    assert all("chapel" in it for it in part)
    whole = recall.outline("Summarize.").items
    assert len(whole) == len(notes) < FEWEST_POINTS


@pytest.mark.parametrize(
    ("request_", "is_about_whole"), [("Summarize the document.", True), ("Summarize what Captain Kemp did.", False)]
)
def test_the_graph_tells_whether_a_summary_is_of_a_part(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, request_: str, is_about_whole: bool
) -> None:
    told = []
    outline = MemoryRecall.outline

    def telling(self: MemoryRecall, *given: Any, is_about_whole: bool) -> Recalled:
        told.append(is_about_whole)
        return outline(self, *given, is_about_whole=is_about_whole)

    monkeypatch.setattr(MemoryRecall, "outline", telling)
    asked = GraphInput(context=TEXT, query=request_, task_type="summarize")
    build_graph(registry).invoke(asked, context=TINY)
    assert told == [is_about_whole]
