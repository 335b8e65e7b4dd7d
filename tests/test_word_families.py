"""A question is read in the words of the text, where a stemmer does not tie them together."""

import pytest

from memorag_graph.documents import PageMap
from memorag_graph.generation.word_families import in_words_of
from tests.test_field_answers import Ask, ask, embeddings, quotes

__all__ = ["ask", "embeddings"]  # fixtures

MAIL = "Offer for the dinghy\n\n" + "\n".join((
    "From: Greta Olsen <greta@olsen.example>",
    "To: Mark Tully <mark@tully.example>",
    "Cc: Petra Moll <petra@moll.example>",
    "Date: Tue, 14 May 2024 09:12:00 +0200",
    "Subject: Offer for the dinghy",
))  # fmt: skip


@pytest.mark.parametrize(
    ("text", "question", "worded"),
    [
        ("Please pay by 1 March.", "By when must it be paid?", "By when must it be pay?"),
        ("Length: 9 km", "How long is the line?", "How length is the line?"),
        ("retention_days: 400", "How many days is it retained?", "How many days is it retention?"),
        ("The line is 9 km long.", "How long is the line?", "How long is the line?"),  # the text's own word
        ("She paid the payment.", "Who paid?", "Who paid?"),
        ("Seats: 3", "Which boat has three seats?", "Which boat has 3 seats?"),
        ("It has three seats.", "Which boat has 3 seats?", "Which boat has three seats?"),
        ("It opens at 12:30.", "Does it open at 12:45?", "Does it open at 12:45?"),
        ("Payment is due.", "Where does Mr Paid live?", "Where does Mr Paid live?"),  # a name
        ("Length: 9 km", "Is the long line blue?", "Is the long line blue?"),  # asks for no measure
    ],
)
def test_a_word_that_the_text_lacks_becomes_one_of_its_family(text: str, question: str, worded: str) -> None:
    assert in_words_of([text], question, "en") == worded


def test_measures_of_other_languages_are_known_and_other_words_stay() -> None:
    assert in_words_of(["Dauer: 9 Tage"], "Wie lange gilt sie?", "de") == "Wie dauer gilt sie?"
    assert in_words_of(["Longueur : 9 km"], "Quelle est la ligne ?", "fr") == "Quelle est la ligne ?"


@pytest.mark.embedded
@pytest.mark.parametrize(
    ("text", "question", "value"),
    [
        ("Tram 7\n\nOperator: Westbahn AG\n\nLength: 9.4 km\n\nFirst tram: 4:51", "How long is the line?", "9.4 km"),
        ("The hall costs 140 euros.\n\nPlease pay by 1 March.", "By when must the hall be paid?", "1 March"),
        (
            "Kayak: Grebe | Seats: 2\nKayak: Puffin | Seats: 3\nKayak: Otter | Seats: 1",
            "Which has three seats?",
            "Puffin",
        ),
        ("storage.bucket: harrier\nstorage.retention_days: 400", "For how many days is data retained?", "400"),
        (
            "This section applies to buses. The toll is 310 crowns.\n\n"
            "This section applies to cars. The toll is 90 crowns.",
            "How much do cars pay?",
            "90 crowns",
        ),
    ],
)
def test_answers_in_other_words_of_a_family_are_found(ask: Ask, text: str, question: str, value: str) -> None:
    assert any(value in it for it in quotes(ask(question, text)))


@pytest.mark.embedded
def test_a_word_that_begins_like_an_article_is_none(ask: Ask) -> None:
    text = "The lighthouse of Inshay is tall. Theories of it name 44 metres. Lemons cost 3 crowns."
    answer = ask("When was the lighthouse of Inshay built?", text)
    assert answer.notices == ("What matches the question best does not tell when.",)


@pytest.mark.embedded
@pytest.mark.parametrize(
    ("question", "name"),
    [
        ("Who sent the offer?", "Greta"),
        ("To whom was the offer sent?", "Mark"),
        ("Who is the mail addressed to?", "Mark"),
        ("Who got a copy of the mail?", "Petra"),
    ],
)
def test_a_question_for_a_person_is_answered_by_the_headers_that_name_one(ask: Ask, question: str, name: str) -> None:
    first, *_ = quotes(ask(question, MAIL, page_map=PageMap(sections=((0, "Offer for the dinghy"),))))
    assert name in first
