"""How turns of a conversation are put decides, with what they say, which of them an answer and a summary quote."""

import re
from collections.abc import Sequence

import numpy as np
import pytest

from memorag_graph.generation import extractive_generator
from memorag_graph.generation.answer import Answer, GenerationInput
from memorag_graph.generation.extractive_generator import ExtractiveGenerator
from memorag_graph.generation.scored_evidence import ScoredEvidence, score_evidence
from memorag_graph.generation.spoken_answer import WORDS, is_conversation, length_features, spoken_answer
from memorag_graph.generation.summary.salience import share_of_turns, without_speaker
from memorag_graph.generation.summary.sentence_features import FEATURES, SPEECH, summary_model
from memorag_graph.generation.wording_model import Name, WordingModel, function_word_shares, wording_model
from memorag_graph.prompts import Prompts
from memorag_graph.retrieval.retrieve import Evidence
from memorag_graph.retrieval.stop_words import stop_words
from memorag_graph.text.languages import language
from tests.conftest import HashEmbeddings

QUESTION = "What did the Harbour Master say about the buoys?"
MEETING = [
    "Harbour Master: Okay .",
    "Clerk: Shall we go on to the buoys ?",
    "Harbour Master: The buoys at the mouth of the river were moved by the storm to the north of the channel .",
    "Clerk: Yeah .",
    "Harbour Master: Right .",
    "Treasurer: We have to pay for the repair of the buoys with the money that was left for the crane .",
    "Clerk: Okay .",
    "Harbour Master: The other buoys are to be painted in the spring .",
]


def input_of(turns: Sequence[str], question: str = QUESTION, code: str = "en") -> GenerationInput:
    text = "\n".join(turns)
    return GenerationInput(
        question=question,
        task_type="memorag",
        evidence=[Evidence("minutes.txt", 0, len(text), text, 1.0)],
        outline=[],
        draft="",
        prompts=Prompts(language(code)),
    )


def scored(turns: Sequence[str] = MEETING, question: str = QUESTION) -> ScoredEvidence:
    evidence = score_evidence(input_of(turns, question), HashEmbeddings())
    assert evidence is not None
    return evidence


def answer(turns: Sequence[str], sentences: int = 3, code: str = "en", question: str = QUESTION) -> Answer:
    generator = ExtractiveGenerator(embeddings=HashEmbeddings(), sentences=sentences)
    return generator.invoke(input_of(turns, question, code))


def chosen_of(evidence: ScoredEvidence, most: int) -> list[int]:
    return spoken_answer(evidence, evidence.ranked[:most], most)


def test_scores_are_linear_in_the_features_and_in_the_shares_of_function_words() -> None:
    model = WordingModel(0.5, [2.0, -1.0], {"the": 3.0, "of": -4.0})
    sentences = ["The end of the pier.", "Okay.", ""]
    features = np.array([[1.0, 2.0], [0.0, 1.0], [3.0, 0.0]])
    expected = []
    for sentence, (first, second) in zip(sentences, features, strict=True):
        held = re.findall(r"[a-z]+", sentence.lower())
        shares = {word: held.count(word) / (len(held) + 8) for word in ("the", "of")}
        expected.append(0.5 + 2.0 * first - second + 3.0 * shares["the"] - 4.0 * shares["of"])
    assert model.scores(sentences, features) == pytest.approx(expected)
    assert function_word_shares([], ["the"]).shape == (0, 1)


@pytest.mark.parametrize(
    ("name", "features"), [("summary", FEATURES), ("summary_of_speech", FEATURES), ("spoken_answer", 2)]
)
def test_each_fitted_model_has_a_weight_for_each_feature_and_stop_words_alone(name: Name, features: int) -> None:
    model = wording_model(name)
    assert len(model.weights) == features
    assert set(model.function_words) == (set() if name == "summary" else stop_words("en"))
    assert np.isfinite([model.intercept, *model.weights, *model.function_words.values()]).all()


def test_only_english_conversations_are_judged_by_function_words() -> None:
    assert share_of_turns(MEETING) == 1.0
    assert summary_model("en", 1.0) is wording_model("summary_of_speech")
    assert summary_model("en", SPEECH - 0.01) is wording_model("summary")
    assert summary_model("de", 1.0) is wording_model("summary")


def test_a_crumb_of_the_speaker_who_is_asked_for_is_no_answer() -> None:
    evidence = scored()
    turns = [it.quote for it in evidence.sentences]
    assert is_conversation(evidence)
    first, *_ = chosen_of(evidence, 3)
    assert "buoys" in turns[first]
    assert not {"Harbour Master: Okay .", "Clerk: Yeah ."} & {turns[at] for at in chosen_of(evidence, 3)}
    quoted = [it.quote for it in answer(MEETING, sentences=2).citations]
    assert any("moved by the storm" in it for it in quoted)
    assert not any(len(without_speaker(it).split()) < 3 for it in quoted)


@pytest.mark.parametrize(
    ("question", "turn"),
    [
        ("What is the budget?", "Treasurer: Budget: 400 euros."),
        ("What is the deadline?", "Clerk: Deadline: 14 May."),
        ("How much does the bell weigh?", "Harbour Master: It weighs nine tons."),
        ("When do the painters come?", "Clerk: Tuesday."),
        ("Who is against the crane?", "Member Ash: I am against the crane."),
        ("What did the Treasurer say about the budget?", "Treasurer: Budget: 400 euros."),
    ],
)
def test_a_short_turn_that_holds_words_of_the_question_is_quoted_however_it_is_put(question: str, turn: str) -> None:
    told = [
        *MEETING,
        "Treasurer: Budget: 400 euros.",
        "Clerk: The list of the members who are to help with the work on the roof of the hall was put on the door .",
        "Clerk: Deadline: 14 May.",
        "Treasurer: The bell of the harbour was given to the town by the owner of the mill at the end of the war .",
        "Harbour Master: It weighs nine tons.",
        "Treasurer: When do the painters come?",
        "Clerk: Tuesday.",
        "Member Ash: I am against the crane.",
        "Clerk: It was put to the members of the board in a letter that is to be answered by the end of the month .",
    ]
    assert turn in [it.quote for it in answer(told, question=question).citations]


def test_a_message_with_another_number_than_the_question_is_no_answer() -> None:
    messages = [
        "Anna: Order 4411 was shipped on Monday.",
        "Ben: Order 4412 was shipped on Tuesday to the shop at the end of the road by the carrier.",
        "Anna: The rest of the things that are in the store are to be sent by the end of the week with the van.",
        "Ben: Order 4413 is late, as the carrier was held by the snow on the pass to the south.",
    ]
    quoted = [it.quote for it in answer(messages, question="When was order 4411 shipped?").citations]
    assert quoted == messages[:1]


def test_a_crumb_does_not_stand_first_where_no_turn_holds_words_of_the_question() -> None:
    evidence = scored(question="Harbour Master?")
    turns = [without_speaker(it.quote).split() for it in evidence.sentences]
    assert len(turns[evidence.ranked[0]]) < 3
    (first,) = spoken_answer(evidence, evidence.ranked[:1], 1)
    assert len(turns[first]) > 3


@pytest.mark.parametrize("most", [1, 2, 4, 8])
def test_an_answer_has_no_more_turns_and_words_than_allowed(most: int) -> None:
    places = ["ferry", "school", "market", "bridge", "chapel", "quarry", "bakery", "museum", "garden", "station"]
    turns = [f"Member {at}: The price of the tickets for the {it} was agreed with the owner of the {places[at - 1]} , "
             f"who is to pay for the {it[::-1]} and the {places[at - 2][::-1]} ."
             for at, it in enumerate(places)]  # fmt: skip
    evidence = scored(turns, "What was agreed on the price of tickets?")
    chosen = chosen_of(evidence, most)
    lengths = [len(without_speaker(it).split()) for it in turns]
    words = sum(len(without_speaker(evidence.sentences[at].quote).split()) for at in chosen)
    assert len(chosen) == len(set(chosen)) == min(most, WORDS // max(lengths))
    assert words <= WORDS


def test_a_first_turn_that_is_longer_than_an_answer_is_quoted_whole() -> None:
    long = "Harbour Master: The buoys " + "of the river and of the harbour with the bell " * 20 + "were moved ."
    evidence = scored([*MEETING[:2], long, *MEETING[3:5]])
    chosen = chosen_of(evidence, 4)
    assert [evidence.sentences[at].quote.startswith(long[:40]) for at in chosen] == [True]


def test_turns_put_alike_are_ranked_by_what_they_say() -> None:
    turns = [f"Clerk: the {word} of the quay" for word in ("paint", "buoys", "price", "crane", "ropes", "lamps")]
    evidence = scored(turns, "What about the buoys?")
    shares = length_features([without_speaker(it) for it in turns])
    assert (shares == shares[0]).all()
    assert chosen_of(evidence, 6)[: len(evidence.ranked)] == evidence.ranked


def test_other_languages_are_answered_by_what_turns_say_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def watched(evidence: ScoredEvidence, near: Sequence[int], most: int) -> list[int]:
        asked.append(evidence.language_code)
        return spoken_answer(evidence, near, most)

    monkeypatch.setattr(extractive_generator, "spoken_answer", watched)
    turns = [it.replace("Harbour Master", "Hafenmeister").replace("The buoys", "Die Bojen") for it in MEETING]
    answer(turns, code="de", question="Was sagte der Hafenmeister über die Bojen?")
    assert asked == []
    answer(MEETING)
    assert asked == ["en"]
