"""Every metric against the library that defines it, or against its definition in sets of characters."""

import random

import numpy as np
import pytest
from rouge_score.rouge_scorer import RougeScorer
from sklearn.metrics import ndcg_score
from torchmetrics.functional.text import squad

from memorag_graph.documents import Document
from memorag_graph.evaluation.chunks import count_tokens, split_document
from memorag_graph.evaluation.dataset import union
from memorag_graph.evaluation.metrics import answer_metrics, citation_metrics, evidence_metrics, refusals
from memorag_graph.evaluation.metrics.citation_marks import without_marks
from memorag_graph.generation.answer import Citation
from memorag_graph.text.chunking import Chunk

SENTENCES = [
    ("The ferry left at noon, with 87 passengers.", "A ferry left Inshay at noon; it had 87 passengers!"),
    ("It's the captain's fault", "captains fault it is"),
    ("Nobody knows.", "In 2016, a fine of £640,000."),
    ("The a an", "the"),
    ("noon noon noon", "noon at noon"),
]


@pytest.mark.parametrize(("said", "right"), SENTENCES)
def test_f1_and_exact_match_are_those_of_squad(said: str, right: str) -> None:
    references = [right, "At noon", said.upper()] if said.startswith("It") else [right, "at noon"]
    found = squad(
        [{"prediction_text": said, "id": "1"}],
        [{"answers": {"answer_start": [0] * len(references), "text": references}, "id": "1"}],
    )
    assert answer_metrics.f1(said, references) == pytest.approx(float(found["f1"]) / 100, abs=1e-7)
    assert answer_metrics.exact_match(said, references) == float(found["exact_match"]) / 100


@pytest.mark.parametrize(("said", "right"), SENTENCES)
def test_rouge_is_the_librarys(said: str, right: str) -> None:
    references = [right, "It left at noon"]
    scorer = RougeScorer(list(answer_metrics.ROUGE))
    expected = {
        name: max(scorer.score(reference, said)[name].fmeasure for reference in references)
        for name in answer_metrics.ROUGE
    }
    assert answer_metrics.rouge(said, references) == expected


def test_answers_in_scripts_without_spaces_are_compared_by_characters() -> None:
    assert answer_metrics.f1("船在中午离开。", ["船中午离开"]) == pytest.approx(2 * 5 / (6 + 5))
    assert answer_metrics.exact_match("船在中午离开。", ["船在中午离开"]) == 1
    assert answer_metrics.rouge("船在中午离开", ["船在中午离开"])["rougeL"] == 1
    assert answer_metrics.rouge("Паром ушёл", ["паром ушёл"])["rouge1"] == 1


def test_without_references_nothing_is_scored() -> None:
    assert answer_metrics.f1("x", []) is None
    assert answer_metrics.exact_match("x", []) is None
    assert set(answer_metrics.rouge("x", []).values()) == {None}


def test_marks_are_no_part_of_an_answer() -> None:
    assert answer_metrics.exact_match("At noon [1] [2, 3].", ["at noon"]) == 1
    assert without_marks("a [12] b [x]") == "a  b [x]"


def test_ndcg_is_that_of_scikit_learn() -> None:
    generator = np.random.default_rng(0)
    for size in (3, 12, 40):
        gain = generator.random(size) * (generator.random(size) < 0.4)
        gain[0] = 0.5
        scores = generator.permutation(size).astype(float)
        ranking = np.argsort(-scores).tolist()
        for cut in (1, 3, 12, size):
            expected = ndcg_score([gain], [scores], k=cut)
            assert evidence_metrics.ndcg(ranking, gain.tolist(), cut) == pytest.approx(expected, abs=1e-12)
    assert evidence_metrics.ndcg([0, 1], [0.0, 0.0], 2) is None
    assert evidence_metrics.ndcg([], [1.0, 0.0], 2) == 0


def test_recall_and_precision_are_shares_of_sets_of_characters() -> None:
    generator = random.Random(0)

    def spans() -> list[tuple[int, int]]:
        return [(start, start + generator.randint(1, 30)) for start in generator.choices(range(200), k=5)]

    for _ in range(50):
        found, known = spans(), union(spans())
        found_set = {at for start, end in found for at in range(start, end)}
        known_set = {at for start, end in known for at in range(start, end)}
        assert evidence_metrics.recall(found, known) == pytest.approx(len(found_set & known_set) / len(known_set))
        assert evidence_metrics.precision(found, known) == pytest.approx(len(found_set & known_set) / len(found_set))
    assert evidence_metrics.recall([(0, 5)], []) is None
    assert evidence_metrics.precision([], [(0, 5)]) is None
    assert evidence_metrics.recall([], [(0, 5)]) == 0


def test_gains_and_ranked_chunks() -> None:
    chunks = [Chunk("d", 0, start, start + 10, "x" * 10) for start in (0, 10, 20)]
    assert evidence_metrics.gains(chunks, [(5, 12), (25, 26)]) == [5 / 8, 2 / 8, 1 / 8]
    assert evidence_metrics.ranked(chunks, [(18, 25), (0, 12)]) == [1, 2, 0]


DOCUMENT = Document("d", "The ferry left at noon. Kemp was proud. It came back at night.")
PASSAGES = [(0, 23), (24, 62)]
GOOD = Citation(1, "d", 4, 23, "ferry left at noon.")


@pytest.mark.parametrize(
    "false",
    [
        Citation(1, "d", 4, 23, "ferry left at ten."),  # does not stand there
        Citation(2, "d", 4, 23, "ferry left at noon."),  # stands in another passage
        Citation(3, "d", 4, 23, "ferry left at noon."),  # names no passage
        Citation(1, "other", 4, 23, "ferry left at noon."),  # names another document
    ],
)
def test_a_planted_false_citation_is_caught(false: Citation) -> None:
    checked = citation_metrics.check("It left [1]. It did [2].", [GOOD, false], PASSAGES, DOCUMENT)
    assert checked.valid == ((4, 23),)
    assert checked.false == 1
    assert citation_metrics.validity(checked) == 0.5
    assert citation_metrics.precision(checked, [(0, 10)]) == 0.5
    assert citation_metrics.hit(checked, [(0, 10)]) == 1
    assert citation_metrics.hit(checked, [(30, 40)]) == 0
    assert citation_metrics.precision(checked, []) is None


def test_a_mark_without_a_passage_counts_as_a_false_citation() -> None:
    checked = citation_metrics.check("It left [1, 7]. It did [0].", [GOOD], PASSAGES, DOCUMENT)
    assert checked.false == 2
    assert citation_metrics.validity(citation_metrics.check("It left.", [], PASSAGES, DOCUMENT)) is None


@pytest.mark.parametrize(
    ("answer", "share"),
    [
        ("The ferry left at noon [1]. Kemp was proud [2].", 1.0),
        ("The ferry left at noon. [1] Kemp was proud. [2]", 1.0),
        ("The ferry left at noon. Kemp was proud [2]. The night was dark.", 1 / 3),
        ("The ferry left at noon [9].", 0.0),
        ("", None),
    ],
)
def test_the_share_of_sentences_with_a_citation(answer: str, share: float | None) -> None:
    assert citation_metrics.recall(answer, 2, "en") == (share if share is None else pytest.approx(share))


@pytest.mark.parametrize(
    ("answer", "refused"),
    [
        ("", True),
        ("The passages do not mention the price.", True),
        ("The document doesn't say.", True),
        ("I cannot answer this from the passages [1].", True),
        ("There is no information about the price in the text.", True),
        ("The price is not mentioned in the document.", True),
        ("文中没有提到价格。", True),
        ("The ferry did not leave at noon.", False),
        ("No passenger was hurt [1].", False),
        ("Captain Kemp could not steer, and no answer came.", False),
        ("Kemp was proud. The document does not say why.", False),
    ],
)
def test_refusals(answer: str, refused: bool) -> None:
    assert refusals.is_refusal(answer) is refused


def test_the_language_of_an_answer() -> None:
    german = "Die Fähre legte am Mittag ab und kam erst in der Nacht wieder zurück."
    assert refusals.in_wrong_language(german, "en") == 1
    assert refusals.in_wrong_language(german, "en", "de") == 0
    assert refusals.in_wrong_language("The ferry left at noon and came back late at night [1].", "en") == 0
    assert refusals.in_wrong_language("渡轮中午离开，晚上才回来，船长感到非常自豪。", "en") == 1
    assert refusals.in_wrong_language("Paris.", "en") is None


def test_tokens_are_counted_as_the_splitter_counts_them() -> None:
    text = "Captain Kemp was proud of the harbour at Thorle.\n\n" * 30
    for size in (16, 50, 128):
        chunks = split_document(Document("d", text), size)
        counts = [count_tokens(chunk.text) for chunk in chunks]
        assert max(counts) <= size
        assert all(text[chunk.start : chunk.end] == chunk.text for chunk in chunks)
    assert [count_tokens(it) for it in ("", "hello world", " hello  world\n", "tiktoken is great!")] == [0, 2, 4, 6]
