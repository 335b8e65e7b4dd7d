"""When answers abstain: the calibrated confidence, and the embedded models."""

import json
import math
from itertools import pairwise

import numpy as np
import pytest
from langchain_core.embeddings import Embeddings

from memorag_graph.documents import read_document
from memorag_graph.generation.answer import Answer
from memorag_graph.generation.chat_generator import ChatGenerator
from memorag_graph.generation.confidence import INTERCEPT, MEANING, PROBES, WORDS, compare, confidence, features
from memorag_graph.generation.extractive_generator import ExtractiveGenerator
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


def test_confidence_is_a_logistic_function_of_its_features() -> None:
    expected = 1 / (1 + math.exp(-(INTERCEPT + MEANING * 0.5 + WORDS * 0.25)))
    assert confidence(0.5, 0.25) == pytest.approx(expected)
    steps = [confidence(at / 10, at / 10) for at in range(11)]
    assert all(0 < lower < higher < 1 for lower, higher in pairwise(steps))


def test_features_are_the_best_quotation_above_chance_and_the_largest_share_of_the_words() -> None:
    quotes, weights = ["The ferry sailed.", "A harbour of ferries."], {"ferri": 1.0, "harbour": 3.0, "moon": 4.0}
    similarity = np.array([0.6, 0.2], np.float32)
    meaning, words = features("ferry harbour moon", quotes, similarity, 0.1, weights, "en")
    assert meaning == pytest.approx((0.6 - 0.1) / (1 - 0.1))
    assert words == pytest.approx(4 / 8)
    assert features("?", quotes, similarity, 0.1, {}, "en")[1] == 0


@pytest.mark.parametrize("chance", [0.95, 0.995, 1 - 1e-7, 1.0, 1 + 2e-7])
@pytest.mark.parametrize("similarity", [-1.0, 0.0, 0.95, 0.995, 1.0, 1 + 2e-7])
def test_the_features_of_a_model_that_finds_everything_similar_are_finite(chance: float, similarity: float) -> None:
    meaning, _ = features("ferry", ["The ferry sailed."], np.array([similarity], np.float32), chance, {}, "en")
    assert -1 <= meaning <= 1
    assert 0 < confidence(meaning, 1.0) < 1
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

    similarity, chance = compare(Constant(), "Zygote?", ["A ferry."])
    assert features("Zygote?", ["A ferry."], similarity, chance, {}, "en") == pytest.approx((0, 0), abs=1e-3)
    assert ExtractiveGenerator(embeddings=Constant()).invoke(given("Zygote?")).abstained


def test_a_model_whose_similarities_are_all_high_gives_the_same_feature() -> None:
    class Raised(Embeddings):
        """Adds to every similarity: each vector has one more dimension, the same for all."""

        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            vectors = np.array(HashEmbeddings().embed_documents(texts))
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
            return [[*vector, 1.0] for vector in vectors.tolist()]

        def embed_query(self, text: str) -> list[float]:
            return self.embed_documents([text])[0]

    quotes, question = [PROBES[0], "Captain Kemp was proud of the harbour."], "Who was proud of the harbour?"
    plain = features(question, quotes, *compare(HashEmbeddings(), question, quotes), {}, "en")
    raised = features(question, quotes, *compare(Raised(), question, quotes), {}, "en")
    assert raised == pytest.approx(plain, abs=1e-5)


@pytest.mark.parametrize(("code", "begins"), [("en", "The document does not seem"), ("zh", "文档中似乎没有")])
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
