"""Scores of sentences equal a plain computation and rank as intended."""

import math
import random
from itertools import pairwise

import numpy as np
import pytest

from memorag_graph.documents import PageMap
from memorag_graph.generation.answer import Citation
from memorag_graph.generation.asked_terms import asked_terms
from memorag_graph.generation.quotable_sentences import Unit, is_quotable, sentences_of, units_of
from memorag_graph.generation.sentence_scores import (
    CLUES,
    MEANING_BESIDE,
    WITH_SUBJECT,
    WORDS,
    WORDS_AROUND,
    SentenceScores,
    descending,
    distinct,
    near_best,
    score_sentences,
)
from memorag_graph.generation.surroundings import surroundings_of
from memorag_graph.retrieval.keyword_index import KeywordIndex
from memorag_graph.retrieval.retrieve import Evidence
from memorag_graph.retrieval.terms import terms
from tests.test_generation import CHUNKS, EVIDENCE

KEYWORDS = KeywordIndex.from_chunks(CHUNKS, "en")


def quotes(*texts: str, apart: int = 1) -> list[Citation]:
    """Consecutive sentences, ``apart`` characters from each other."""
    found, start = [], 0
    for text in texts:
        found.append(Citation(1, "a", start, start + len(text), text))
        start += len(text) + apart
    return found


def scored(sentences: list[Citation], question: str, clues: tuple[str, ...] = ()) -> SentenceScores:
    return score_sentences(sentences, np.zeros(len(sentences), np.float32), question, clues, {}, "en")


def plain_share(words: set[str], wanted: list[str], weight: dict[str, float]) -> float:
    total = sum(weight[term] for term in wanted)
    return sum(weight[term] for term in wanted if term in words) / total if total else 0.0


def plain_scores(sentences: list[Citation], meaning: list[float], question: str, clues: list[str]) -> list[float]:
    """The score of each sentence, computed one by one from its definition."""
    held = [set(terms(sentence.quote, "en")) for sentence in sentences]

    def among(term: str) -> float:
        count = sum(term in words for words in held)
        return math.log(1 + (len(held) - count + 0.5) / (count + 0.5))

    wanted = sorted(set(terms(question, "en")))
    asked = sorted(set(wanted) - {"which", "how", "mani", "were", "there"})
    rarity = KEYWORDS.rarity(question)
    weight = {term: among(term) * (1 + rarity[term]) for term in wanted}
    totals = []
    for at, sentence in enumerate(sentences):
        beside = [
            other
            for other, it in enumerate(sentences)
            if abs(other - at) == 1 and min(abs(it.start - sentence.end), abs(sentence.start - it.end)) <= 8
        ]
        around = held[at].union(*(held[other] for other in beside))
        overlaps = [0.0]
        for clue in clues:
            said = sorted(set(terms(clue, "en")))
            overlaps.append(plain_share(held[at], said, {term: among(term) for term in said}))
        totals.append(
            meaning[at]
            + WORDS * plain_share(held[at], wanted, weight)
            + WITH_SUBJECT * plain_share(held[at], asked, {term: among(term) for term in asked})
            + WORDS_AROUND * plain_share(around, wanted, weight)
            + MEANING_BESIDE * max([meaning[other] for other in beside], default=0.0)
            + CLUES * max(overlaps)
        )
    return totals


@pytest.mark.parametrize("seed", range(5))
def test_scores_equal_a_plain_computation(seed: int) -> None:
    picked = random.Random(seed)
    evidence = [EVIDENCE[0], EVIDENCE[2]] if seed % 2 else EVIDENCE
    sentences = sentences_of(evidence, "en")
    meaning = [picked.uniform(-0.2, 0.9) for _ in sentences]
    question = "Which captain was proud of the harbour at Inshay in 1993, and how many lorries were there?"
    clues = ["Captain Kemp was proud.", "lorries and people"][: seed % 3]
    scores = score_sentences(sentences, np.array(meaning, np.float32), question, clues, KEYWORDS.rarity(question), "en")
    assert scores.total == pytest.approx(plain_scores(sentences, meaning, question, clues), abs=1e-5)


def test_words_of_every_sentence_do_not_decide() -> None:
    sentences = quotes(
        "The plain maskray is a species of the plain maskray family.",
        "The plain maskray is found near the plain coast.",
        "Its tail is short and has two stings.",
        "The plain maskray hunts at night.",
    )
    assert descending(scored(sentences, "What is the tail of the plain maskray like?").total)[0] == 2


def test_a_neighbour_that_names_the_subject_counts() -> None:
    texts = ("The harbour of Thorle was rebuilt.", "It cost nine million pounds.", "It cost nine million pounds.")
    near = scored(quotes(*texts), "What did the harbour of Thorle cost?").total
    assert near[1] > near[2]
    apart = scored(quotes(*texts, apart=99), "What did the harbour of Thorle cost?").total
    assert apart[1] == apart[2]


def scored_text(text: str, question: str) -> tuple[list[str], SentenceScores]:
    """The sentences of a passage and their scores, with what they belong to."""
    units = units_of([Evidence("notes.txt", 0, len(text), text, 1.0)], "en")
    sentences = [unit.citation for unit in units]
    meaning = np.zeros(len(sentences), np.float32)
    scores = score_sentences(sentences, meaning, question, [], {}, "en", surroundings_of(units, "en"))
    return [it.quote for it in sentences], scores


SUPPLIERS = (
    "Arden Limited is in Leeds. Deliveries are made before noon. Its main product is paper bags.\n\n"
    "Brook Limited is in Hull. Prices are fixed. Its main product is glass jars. Calder Limited is in Derby. "
    "Its main product is steel pins.\n\nDunmore is in York. Its main product is oak boxes."
)


@pytest.mark.parametrize(
    ("question", "product"),
    [
        ("What is the main product of Arden Limited?", "paper bags"),
        ("What is the main product of Brook?", "glass jars"),
        ("What is the main product of Calder?", "steel pins"),
        ("What is Dunmore's main product?", "oak boxes"),
        ("what is the main product of calder?", "steel pins"),
    ],
)
def test_a_pronoun_belongs_to_the_subject_named_before_it(question: str, product: str) -> None:
    quotes, scores = scored_text(SUPPLIERS, question)
    ranked = descending(scores.total)
    first = next(quotes[at] for at in ranked if "main product" in quotes[at])
    assert product in first
    chosen = [quotes[at] for at in near_best(ranked, scores)]
    assert [text for text in chosen if "main product" in text] == [first]


def test_headings_speakers_and_the_name_of_the_file_count_for_what_stands_under_them() -> None:
    text = "Article 6\n\nThe rule on boats is strict.\n\nArticle 7\n\nThe rule on roofs is strict."
    quotes, scores = scored_text(text, "What is the rule in Article 7?")
    assert quotes[descending(scores.total)[0]] == "The rule on roofs is strict."
    text = (
        "ANNA: It went well, the weather was fair and the whole town came to the harbour. We sold all of the boats.\n"
        "BO: It went badly, the weather was foul and nobody at all came to the harbour. We sold none of the boats."
    )
    quotes, scores = scored_text(text, "How many boats did Bo sell?")
    assert quotes[descending(scores.total)[0]] == "We sold none of the boats."
    one, other = quotes_of_files("anna_petrov.txt", "bo_lund.txt")
    scores = score_sentences(
        [one, other], np.zeros(2, np.float32), "What is Bo Lund's phone number?", [], {}, "en",
        surroundings_of([Unit(it, True, False, True) for it in (one, other)], "en"),
    )  # fmt: skip
    assert descending(scores.total) == [1, 0]


def quotes_of_files(*names: str) -> list[Citation]:
    return [Citation(1, name, 0, 15, "Phone: 0151 440") for name in names]


def test_sentences_much_worse_than_the_best_are_left_out_unless_they_add_what_was_asked() -> None:
    sentences = quotes("The ferry sailed in May.", "Trams stopped.", "The price was nine pounds.", apart=99)
    scores = scored(sentences, "When did the ferry sail, and at what price?")
    assert near_best(descending(scores.total), scores) == [0, 2]
    alike = quotes("The ferry sailed in May.", "The ferry sailed in June.", apart=99)
    assert near_best([0, 1], scored(alike, "When did the ferry sail?")) == [0, 1]


def test_sentences_about_something_else_are_left_out_and_those_that_add_are_not() -> None:
    rows = quotes(
        "Depot: Pine North | Lorries: 37", "Depot: Pine South | Lorries: 43", "Depot: Yew | Lorries: 72", apart=1
    )
    question, meaning = "How many lorries does Pine South have?", np.array([4, 4, 0.1], np.float32)
    scores = score_sentences(rows, meaning, question, [], {}, "en")
    assert near_best(descending(scores.total), scores) == [1]
    pairs = quotes("Phone: 0151 440", "Email: ada@example.org", "Fax: 0151 441", apart=1)
    scores = scored(pairs, "What are the phone and the email?")
    assert sorted(near_best(descending(scores.total), scores)) == [0, 1]


def test_clues_settle_ties_and_no_more() -> None:
    sentences = quotes("The ferry sailed in May.", "The ferry sailed in June.", "A tram stopped.", apart=99)
    without = scored(sentences, "When did the ferry sail?").total
    assert without[0] == without[1] > without[2]
    with_clues = scored(sentences, "When did the ferry sail?", ("It was in June.", "A tram stopped.")).total
    assert descending(with_clues) == [1, 0, 2]


def test_repeats_are_left_out_and_equal_scores_keep_the_order_of_the_document() -> None:
    sentences = quotes("The ferry sailed in May.", "The ferry  sailed, in May!", "Trams stopped running.")
    assert descending(np.zeros(3, np.float32)) == [0, 1, 2]
    assert distinct([0, 1, 2], sentences, 2) == [0, 2]


def test_a_question_without_words_is_decided_by_meaning() -> None:
    scores = score_sentences(quotes("One.", "Two."), np.array([0.1, 0.2], np.float32), "?", [], {}, "en")
    assert descending(scores.total) == [1, 0]


@pytest.mark.parametrize(
    ("text", "quotable"),
    [
        ("Wifi password: tulip-river", True),
        ("Phone: 0151 440 9981", True),
        ("- Bins on Tuesday", True),
        ("2. Ring the bell", True),
        ('{"name": "Bo"}', True),
        ("[WARN] disk full", True),
        ("ที่บ้านนาชาวบ้านช่วยกันซ่อมสะพานไม้", True),
        ("ຊາວບ້ານຊ່ວຍກັນສ້ອມແປງຂົວໄມ້", True),
        ("ខ្ញុំនៅភ្នំពេញ និងធ្វើការ។", True),
        ("ကျွန်တော်တို့သည် ရန်ကုန်မြို့တွင် နေသည်။", True),
        ("Staff handbook", False),
        ("# Staff handbook of 2021 for all", False),
        ("# Wifi password: tulip-river", True),
        ("Article 7", False),
        ("00:00:01,000 --> 00:00:04,000", False),
        ("|---|---|", False),
        ("14.", False),
        ("{", False),
    ],
)
def test_what_can_answer_by_itself(text: str, quotable: bool) -> None:
    assert is_quotable(text) is quotable


def test_headings_cannot_answer_but_lines_of_a_list_can() -> None:
    text = "Harbour office of 2024 and later\n\nAnna Petrov\n12 Mill Lane\nLeeds LS1 4AB\n\nIt opens at nine o'clock."
    known = PageMap(sections=((0, "Harbour office of 2024 and later"),))
    units = units_of([Evidence("a", 0, len(text), text, 1.0, page_map=known)], "en")
    assert [unit.citation.quote for unit in units if unit.is_heading] == ["Harbour office of 2024 and later"]
    assert [unit.citation.quote for unit in units if not unit.is_quotable] == ["Harbour office of 2024 and later"]


def test_headings_and_scraps_are_not_quoted_but_rows_of_tables_are() -> None:
    text = "Operating results of the year\n\noperating profit | 1083 | 1063\n\nYes.\n\nIt sailed.\n\n14."
    sentences = [it.quote for it in sentences_of([Evidence("a", 0, len(text), text, 1.0)], "en")]
    assert len(sentences) == 5
    assert [text for text in sentences if is_quotable(text)] == ["operating profit | 1083 | 1063"]


CONTENTS = "Contents\n1 Aims ..... 3\n2 Results of 2020 ..... 14\n\n"
NESTED = "1 Aims ..... 3\n1.1 Harbour dues ..... 5\n2 Results ..... 14\n\n"
LONGER = "7 Aims ... 3\n8 Dues of the port ... 5\n9 Results ... 14\n10 Outlook ... 20\n\n"
LINKS = "- [Aims of the board](#aims)\n- [Results of 2020](#results)\n\n"
HEADER = "| Depot | Boss | Opened in 1999 or later |\n|---|---|---|\n\n"


@pytest.mark.parametrize("lines", [CONTENTS, NESTED, LONGER, LINKS, HEADER])
def test_tables_of_contents_and_names_of_columns_are_not_quoted(lines: str) -> None:
    text = f"{lines}The board has four members."
    units = units_of([Evidence("a", 0, len(text), text, 1.0)], "en")
    assert [it.citation.quote for it in units if it.is_quotable] == ["The board has four members."]


def test_lists_of_prices_and_rows_of_tables_are_quoted() -> None:
    text = "12 Pizza Funghi ..... 9\n13 Pizza Roma ..... 10\n\n| Leeds | Anna Holt | 44 |\n| York | Ben Kerr | 12 |"
    units = units_of([Evidence("a", 0, len(text), text, 1.0)], "en")
    assert [it.citation.quote for it in units if it.is_quotable] == text.replace("\n\n", "\n").split("\n")


def test_the_row_that_a_table_is_known_by_is_not_quoted() -> None:
    text = "Depot | Staff in 2020\nLeeds | 44\nYork | 12"
    known = PageMap(tables=((22, len(text), "Depot | Staff in 2020"),))
    units = units_of([Evidence("a", 0, len(text), text, 1.0, page_map=known)], "en")
    assert [it.citation.quote for it in units if it.is_quotable] == ["Leeds | 44", "York | 12"]


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("Roast duck. 24 euros.", ["Roast duck. 24 euros."]),
        ("Blue. 44 seats. Driver Nils.", ["Blue. 44 seats. Driver Nils."]),
        ("A walnut cradle. Estimate 210 euros.", ["A walnut cradle. Estimate 210 euros."]),
        ("Hint 3. The maid airs the blue room each day.", ["Hint 3. The maid airs the blue room each day."]),
        ("Born in Trento. Speaks Italian and Greek.", ["Born in Trento.", "Speaks Italian and Greek."]),
        ("Leaflet 2. No dog is allowed in the yard at all. The laundry is in the cellar.", [
            "Leaflet 2.", "No dog is allowed in the yard at all.", "The laundry is in the cellar."]),
        ("Rules, version 1. The pool is open. The bar is shut.", [
            "Rules, version 1.", "The pool is open.", "The bar is shut."]),
        ("Rules of 2020. The pool is open. Towels cost nothing.", [
            "Rules of 2020.", "The pool is open.", "Towels cost nothing."]),
        ("Yes. It sailed in the spring of 1999.", ["Yes.", "It sailed in the spring of 1999."]),
    ],
)  # fmt: skip
def test_fragments_of_an_entry_are_one_and_sentences_are_not(text: str, units: list[str]) -> None:
    assert [it.citation.quote for it in units_of([Evidence("a", 0, len(text), text, 1.0)], "en")] == units


@pytest.mark.parametrize("joint", [", and then ", " ", "，"])
def test_a_long_sentence_is_cut_into_pieces_that_stand_in_the_text(joint: str) -> None:
    text = joint.join(f"the ferry number{number}carried" for number in range(90)) + "."
    pieces = sentences_of([Evidence("a", 100, 100 + len(text), text, 1.0)], "en")
    assert all(text[it.start - 100 : it.end - 100] == it.quote for it in pieces)
    assert all(len(it.quote) <= 480 for it in pieces)
    assert len(pieces) > 3
    between = [text[a.end - 100 : b.start - 100] for a, b in pairwise(pieces)]
    assert not "".join(between).strip()
    assert (pieces[0].start, pieces[-1].end) == (100, 100 + len(text))


def test_a_term_weighs_more_the_fewer_chunks_hold_it() -> None:
    counts = {term: sum(term in terms(chunk.text, "en") for chunk in CHUNKS) for term in ("ferri", "thorl", "moon")}
    weights = KEYWORDS.rarity("ferry Thorle moon")
    assert sorted(counts, key=counts.__getitem__) == sorted(weights, key=weights.__getitem__, reverse=True)
    assert all(
        weights[term] == pytest.approx(math.log(1 + (len(CHUNKS) - n + 0.5) / (n + 0.5))) for term, n in counts.items()
    )


def test_a_sentence_of_a_long_paragraph_belongs_to_its_subject_and_the_last_sentences() -> None:
    text = "Thorle Harbour is old. " + " ".join(f"it cost {number} pounds then." for number in range(200))
    units = units_of([Evidence("notes.txt", 0, len(text), text, 1.0)], "en")
    subjects = [about.subject for about in surroundings_of(units, "en")]
    assert subjects[:50] == [tuple(range(at)) for at in range(50)]
    assert subjects[50:] == [(0, *range(at - 49, at)) for at in range(50, len(units))]
    assert len(units) == 201


def test_a_lower_share_of_the_best_score_keeps_all_and_adds_more() -> None:
    sentences = quotes(
        "The sluice of Thorle was repaired with oak in March.",
        "The sluice of Thorle was repaired.",
        "The sluice was painted.",
        "Nobody knows the price of the ferry.",
    )
    meaning = np.array([0.8, 0.6, 0.4, 0.1], np.float32)
    scores = score_sentences(sentences, meaning, "Was the sluice of Thorle repaired?", (), {}, "en")
    ranked = descending(scores.total)
    chosen = [near_best(ranked, scores, near=share) for share in (1.0, 0.8, 0.6, 0.1, 0.0)]
    assert all(set(few) <= set(more) for few, more in pairwise(chosen))
    assert len(chosen[0]) < len(chosen[-1]) == len(ranked)


@pytest.mark.parametrize(
    ("question", "code", "asked"),
    [
        ("最后一次爆发是什么时候？", "zh", {"最后", "后一", "一次", "次爆", "爆发"}),
        ("哪一年建成？", "zh", {"建成"}),
        ("什么？", "zh", {"什么"}),
        ("工場はどこですか？", "ja", {"工場"}),
        ("How did the pandemic impact the company?", "en", {"pandem"}),
        ("How has the storm affected the ferries?", "en", {"storm", "ferri"}),
        ("How did the impact of the meteor change?", "en", {"impact", "meteor", "chang"}),
        ("What was the impact of the pandemic?", "en", {"impact", "pandem"}),
    ],
)
def test_words_that_only_ask_are_no_terms(question: str, code: str, asked: set[str]) -> None:
    assert set(asked_terms(question, code)) == asked
