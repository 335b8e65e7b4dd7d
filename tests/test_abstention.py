"""When answers abstain: the calibrated confidence, and the embedded models."""

import json
import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from langchain_core.embeddings import Embeddings

from memorag_graph.documents import read_document
from memorag_graph.generation.answer import Answer, Citation
from memorag_graph.generation.chat_generator import ChatGenerator
from memorag_graph.generation.confidence import (
    ALIKE,
    AROUND,
    AROUND_ALIKE,
    INTERCEPT,
    MEANING,
    MEANING_ALIKE,
    PROBES,
    SPOKEN,
    WORDS,
    WORDS_ALIKE,
    Compared,
    Features,
    compare,
    confidence,
    features,
)
from memorag_graph.generation.extractive_generator import ExtractiveGenerator
from memorag_graph.generation.sentence_scores import score_sentences
from memorag_graph.models.loading import ModelSource, load_embeddings
from memorag_graph.prompts import Prompts
from memorag_graph.retrieval.dense_index import FaissIndex
from memorag_graph.retrieval.keyword_index import KeywordIndex
from memorag_graph.retrieval.retrieve import Evidence
from memorag_graph.text.languages import language
from tests.conftest import EXAMPLE, HashEmbeddings, split_documents, tiny_model
from tests.test_generation import EVIDENCE, assert_cited, fake, given, sentences_of

UNANSWERABLE = [
    "Which enzymes break down cellulose in the stomach of a cow?",
    "Who composed the opera that was first performed in Vienna in 1791?",
    "How does a transistor amplify a weak signal?",
    "What did the senator promise the farmers of Iowa?",
]


def found(question: str, quotes: list[str], compared: Compared, rarity: dict[str, float]) -> Features:
    sentences = [Citation(1, "a", 100 * at, 100 * at + len(quote), quote) for at, quote in enumerate(quotes)]
    scores = score_sentences(sentences, compared.similarity, question, [], rarity, "en")
    return features(scores, range(len(quotes)), compared, 0.0)


def test_confidence_is_a_logistic_function_of_its_features() -> None:
    by_meaning = (MEANING + MEANING_ALIKE * 0.2) * 0.5
    by_words = (WORDS + WORDS_ALIKE * 0.2) * 0.25 + (AROUND + AROUND_ALIKE * 0.2) * 0.3
    expected = 1 / (1 + math.exp(-(INTERCEPT + by_meaning + by_words + ALIKE * 0.2 + SPOKEN * 0.1)))
    assert confidence(Features(0.5, 0.25, 0.3, 0.2, 0.1)) == pytest.approx(expected)


@pytest.mark.parametrize("alike", [-0.2, 0.1, 0.4, 0.75, 1.0])
@pytest.mark.parametrize("spoken", [0.0, 1.0])
def test_more_of_any_feature_of_the_quotations_never_lowers_the_confidence(alike: float, spoken: float) -> None:
    for name in ("meaning", "words", "around"):
        low = Features(0.3, 0.3, 0.3, alike, spoken)
        steps = [confidence(replace(low, **{name: at / 10})) for at in range(11)]
        assert all(0 < lower < higher < 1 for lower, higher in pairwise(steps))


def test_meaning_counts_less_for_a_model_that_finds_all_sentences_alike() -> None:
    def gained(alike: float) -> float:
        low, high = (confidence(Features(meaning, 0.3, 0.3, alike)) for meaning in (0.2, 0.6))
        return math.log(high / (1 - high)) - math.log(low / (1 - low))

    assert gained(0.7) < gained(0.2)


def test_features_are_the_best_quotation_above_chance_and_the_largest_share_of_the_words() -> None:
    quotes, weights = ["The ferry sailed.", "A harbour of ferries."], {"ferri": 1.0, "harbour": 3.0, "moon": 4.0}
    compared = Compared(np.array([0.6, 0.2], np.float32), 0.1, 0.3)
    of_question = found("Which ferry, harbour, moon?", quotes, compared, weights)
    assert of_question.meaning == pytest.approx((0.6 - 0.1) / (1 - 0.1))
    assert of_question.words == pytest.approx((2 + 4) / (2 + 4 + 5))
    assert of_question.alike == 0.3
    assert found("?", quotes, compared, {}).words == 0


@pytest.mark.parametrize("chance", [0.95, 0.995, 1 - 1e-7, 1.0, 1 + 2e-7])
@pytest.mark.parametrize("similarity", [-1.0, 0.0, 0.95, 0.995, 1.0, 1 + 2e-7])
def test_the_features_of_a_model_that_finds_everything_similar_are_finite(chance: float, similarity: float) -> None:
    compared = Compared(np.array([similarity], np.float32), chance, 1.0)
    meaning = found("ferry", ["The ferry sailed."], compared, {}).meaning
    assert -1 <= meaning <= 1
    assert 0 < confidence(Features(meaning, 1.0, 1.0, 1.0)) < 1
    if abs(similarity - chance) < 1e-6:  # as similar as chance, but for rounding
        assert meaning == pytest.approx(0, abs=1e-3)
    else:
        assert (meaning > 0) == (similarity > chance)


def test_constant_embeddings_give_no_confidence_from_meaning() -> None:
    class Constant(Embeddings):
        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            return [[0.3] * 8 for _ in texts]

        def embed_query(self, text: str) -> list[float]:
            return [0.3] * 8

    quotes = [f"Ferry {number} sailed." for number in range(9)]
    compared = compare(Constant(), "Zygote?", quotes)
    assert compared.alike == pytest.approx(1, abs=1e-5)
    assert compare(Constant(), "Zygote?", quotes, [1, 2]).alike < 0.5  # too few to tell
    assert found("Zygote?", quotes, compared, {}).meaning == pytest.approx(0, abs=1e-3)
    assert ExtractiveGenerator(embeddings=Constant()).invoke(given("Zygote?")).abstained


def test_a_model_whose_similarities_are_all_high_gives_the_same_meaning() -> None:
    class Raised(Embeddings):
        """Adds to every similarity: each vector has one more dimension, the same for all."""

        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            vectors = np.array(HashEmbeddings().embed_documents(texts))
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
            return [[*vector, 1.0] for vector in vectors.tolist()]

        def embed_query(self, text: str) -> list[float]:
            return self.embed_documents([text])[0]

    quotes, question = [PROBES[0], "Captain Kemp was proud of the harbour."], "Who was proud of the harbour?"
    plain = found(question, quotes, compare(HashEmbeddings(), question, quotes), {})
    raised = found(question, quotes, compare(Raised(), question, quotes), {})
    assert raised.meaning == pytest.approx(plain.meaning, abs=1e-5)


@pytest.mark.parametrize(
    ("code", "begins"),
    [
        ("en", "No passage matches the question well; the nearest are:"),
        ("zh", "没有与问题很吻合的段落；最接近的内容是："),
    ],
)
def test_weak_evidence_is_reported_in_the_language_of_the_document_with_the_nearest_passages(
    code: str, begins: str
) -> None:
    question = {**given("Zygote mitochondria?"), "prompts": Prompts(language(code))}
    answer = ExtractiveGenerator(embeddings=HashEmbeddings()).invoke(question)  # type: ignore[arg-type]
    assert answer.abstained
    assert answer.text.startswith(begins)
    assert answer.faults == ("weak_evidence",)
    assert len(answer.citations) == 3
    assert all(" ".join(it.quote.split()) in answer.text for it in answer.citations)
    assert_cited(answer.citations)


def test_an_answer_that_is_sure_does_not_abstain_and_is_the_same_again() -> None:
    question = given(next(iter(sentences_of(EVIDENCE))))
    first, second = (ExtractiveGenerator(embeddings=HashEmbeddings()).invoke(question) for _ in range(2))
    assert first == second
    assert not first.abstained
    assert first.faults == ()
    assert first.confidence > 0.9


def test_a_summary_never_abstains() -> None:
    answer = ExtractiveGenerator(embeddings=HashEmbeddings()).invoke(given("Zygote?", "summarize"))
    assert (answer.abstained, answer.confidence) == (False, 1.0)


def test_a_chat_answer_over_weak_evidence_is_marked() -> None:
    true = next(iter(sentences_of(EVIDENCE)))
    answer = ChatGenerator(chat=fake(f"{true} [1]"), embeddings=HashEmbeddings()).invoke(given("Zygote mitochondria?"))
    assert answer.faults == ("weak_evidence",)
    assert not answer.abstained
    half = ChatGenerator(chat=fake(f"{true} [1] Nobody else was there."), embeddings=HashEmbeddings())
    whole = ChatGenerator(chat=fake(f"{true} [1]"), embeddings=HashEmbeddings())
    assert half.invoke(given(true)).confidence == pytest.approx(whole.invoke(given(true)).confidence / 2, abs=0.001)


@pytest.mark.embedded
def test_the_embedded_models_refuse_unanswerable_questions_and_few_others() -> None:
    document = read_document(EXAMPLE)
    chunks = split_documents([document], tiny_model("llama"), 512)[:150]
    embeddings = load_embeddings(ModelSource("embedded"))
    index, keywords = FaissIndex.from_chunks(chunks, embeddings), KeywordIndex.from_chunks(chunks, "en")
    lines = (EXAMPLE.parent / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    every = [it for it in map(json.loads, lines) if it["kind"] == "local"]
    answerable = [it["query"] for it in every if all(end < chunks[-1].end for _, end in it["evidence"])]

    def answer(question: str) -> Answer:
        (hits,) = index.search([question], 8)
        found = [chunks[number] for number in sorted(hit.chunk for hit in hits)]
        evidence = [Evidence(it.source, it.start, it.end, it.text, 1.0) for it in found]
        asked = {**given(question, evidence=evidence), "rarity": keywords.rarity(question)}
        told = ExtractiveGenerator(embeddings=embeddings).invoke(asked)  # type: ignore[arg-type]
        assert all(document.text[it.start : it.end] == it.quote for it in told.citations)
        return told

    assert len(answerable) >= 5
    assert len([question for question in answerable if answer(question).abstained]) <= 1
    assert [question for question in UNANSWERABLE if not answer(question).abstained] == []
