"""Answers say what the evidence lacks: the year, or the kind of thing that is asked for."""

import pytest

from tests.test_sentence_subjects import ask

EMISSIONS = "Our ships emitted 186,000 tonnes of carbon dioxide in 2018 and 184,000 in 2019. {} The year was calm."
SOLD = "Many gulls nest there. In 2021, we sold a dredger. The mole was mended."
COMPARED = "Our ships emitted 161,000 tonnes of carbon dioxide {}. Many gulls nest there."
THEATRE = "Nearby, in the Saxon Garden, the Summer Theatre {}. A piece of paper was later found in the theatre."
COMPANY = "The company Energiprojekt in Sweden has made progress in harnessing steam{}"
FERRY = "The ferry Fulmar has {} and a shop on board."

HOW_MANY = "How many tonnes of carbon dioxide did our ships emit in 2021?"
WHO = "Who designed the Summer Theatre in the Saxon Garden?"
WHO_OPPOSED = "Who opposed the goals of the panel?"
WHEN = "When was the company Energiprojekt founded in Sweden?"
BERTHS = "How many berths does the ferry Fulmar have on board?"


@pytest.mark.parametrize(
    ("text", "question", "lack"),
    [
        (EMISSIONS.format(SOLD), HOW_MANY, "is not of 2021."),
        (EMISSIONS.format(SOLD), HOW_MANY.replace("2021", "2019"), None),
        (EMISSIONS.format("In 2021, our ships emitted less carbon dioxide."), HOW_MANY, None),
        (EMISSIONS.format("The year 2021 followed."), HOW_MANY, None),
        (COMPARED.format("(2020: 184,000)"), HOW_MANY, None),
        (COMPARED.format("than in 2020"), HOW_MANY, None),
        (COMPARED.format("; in 2020 it was 184,000"), HOW_MANY, None),
        (COMPARED.format("; in 2020 it was 184,000"), HOW_MANY.replace("2021", "2023"), "is not of 2023."),
        ("From 2018 until 2022 our ships emitted many tonnes of carbon dioxide.", HOW_MANY, None),
        ("Our ships emitted less carbon dioxide than in 2018.", HOW_MANY, "does not tell how many."),
        (THEATRE.format("was in use"), WHO, "does not tell who."),
        (THEATRE.format("by Leon Schiller was in use"), WHO, None),
        (THEATRE.format("was designed by a pupil of his"), WHO, None),
        (THEATRE.format("belongs to the caretaker"), "Who owns the Summer Theatre in the Saxon Garden?", None),
        ("The gates of the Saxon Garden close at dusk.", "When do the gates of the Saxon Garden close?", None),
        ("The ferry Fulmar has a dog on board.", "How many dogs does the ferry Fulmar have on board?", None),
        ("The ferry Fulmar has no dogs on board.", "How many dogs does the ferry Fulmar have on board?", None),
        ("The ferry Fulmar sails daily to the isle.", "How often does the ferry Fulmar sail to the isle?", None),
        ("States and governments opposed the goals of the panel.", WHO_OPPOSED, None),
        ("The panel met. He also opposed the goals of the panel.", WHO_OPPOSED, "does not tell who."),
        ("Ann Holt led the panel. She opposed the goals of the panel.", WHO_OPPOSED, None),
        (COMPANY.format("."), WHEN, "does not tell when."),
        (COMPANY.format("."), "In what year did the company Energiprojekt in Sweden make progress in harnessing steam?",
         "does not tell in which year."),
        (COMPANY.format(" since 1998."), WHEN, None),
        (COMPANY.format(". It was founded in 1998."), WHEN, None),
        (FERRY.format("a bar"), BERTHS, "does not tell how many."),
        (FERRY.format("2000 berths"), BERTHS, None),
        (FERRY.format("several berths"), BERTHS, None),
        (FERRY.format("a bar"), "How much did they pay for the bar of the ferry Fulmar?", "does not tell how much."),
        (FERRY.format("a bar for £20"), "How much is the bar on board the ferry Fulmar?", None),
        (FERRY.format("a bar"), "What colour is the bar of the ferry Fulmar?", "does not tell what colour."),
        (FERRY.format("a bar"), "What is the colour of the bar of the ferry Fulmar?", "does not tell what colour."),
        (FERRY.format("offered a bar"), "What colour is the bar of the ferry Fulmar?", "does not tell what colour."),
        (FERRY.format("a reddish bar"), "What colour is the bar of the ferry Fulmar?", None),
        (FERRY.format("a red bar"), "What colour is the red bar of the ferry Fulmar?", "does not tell what colour."),
        (FERRY.format("a bar"), "How large is the shop on board the ferry Fulmar?", "does not tell how large."),
        (FERRY.format("a bar"), "What is the size of the shop on board the ferry?", "does not tell how large."),
        (FERRY.format("a tiny bar"), "How large is the bar of the ferry Fulmar?", None),
        (FERRY.format("a bar of 20 m²"), "What is the size of the bar of the ferry Fulmar?", None),
        (FERRY.format("a bar"), "How old is the bar on board the ferry Fulmar?", "does not tell how old."),
        (FERRY.format("a bar"), "What does the ferry Fulmar have on board?", None),
        (FERRY.format("a bar"), "How many stars does the captain see at night?", None),
        (THEATRE.format("was in use"), WHO.replace("?", ", and what was in use?"), None),
    ],
)  # fmt: skip
def test_what_is_lacking_is_said(text: str, question: str, lack: str | None) -> None:
    said = [notice for notice in ask(question, text).notices if notice.startswith("What matches the question best")]
    assert said == ([f"What matches the question best {lack}"] if lack else [])


def test_an_answer_that_lacks_what_is_asked_for_is_a_refusal_with_the_nearest_sentence() -> None:
    answer = ask(WHO, THEATRE.format("was in use"))
    assert answer.abstained
    assert answer.confidence == 0
    assert "the Summer Theatre was in use" in answer.text


def test_of_a_conversation_nothing_is_known_to_be_lacking() -> None:
    turns = (
        "Ann: The theatre was in use.\nBob: The theatre in the garden was in use.\nAnn: Yes, the theatre.\nBob: Right."
    )
    assert not [it for it in ask("Who designed the theatre in the garden?", turns).notices if "does not tell" in it]


def test_a_limit_of_weight_is_a_weight() -> None:
    notices = ask("Which weight limit does the bridge have?", "The bridge is old. The bridge has a toll.").notices
    assert "No passage mentions weight." in notices


def test_who_bought_is_told_by_to_whom_it_was_sold() -> None:
    text = "The mill was sold to Harold Quint. The barn was sold to nobody."
    assert "No passage mentions bought." not in ask("Who bought the mill?", text).notices
    assert "No passage mentions bought." in ask("When was the mill bought?", text).notices
