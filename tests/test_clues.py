"""Clues: reading a model's lists, dropping useless items, prompts, digests."""

import os
import subprocess
import sys
from collections.abc import Sequence

import pytest

from memorag_graph.clues.clue_filter import (
    DROP_REASONS,
    Dropped,
    clue_words,
    filter_clues,
    on_topic,
    related,
    supported,
)
from memorag_graph.clues.list_parsing import items
from memorag_graph.errors import InputError
from memorag_graph.memory.build.grounded_summary import central_sentences, grounded_summary
from memorag_graph.prompts import REQUIRED_FIELDS, Prompts
from memorag_graph.retrieval.dense_index import FaissIndex, embed
from memorag_graph.retrieval.keyword_index import KeywordIndex
from memorag_graph.retrieval.memory_index import MemoryIndex
from memorag_graph.retrieval.no_index import NoIndex
from memorag_graph.retrieval.query import Query
from memorag_graph.retrieval.stop_words import function_words
from memorag_graph.text.chunking import Chunk
from memorag_graph.text.languages import language
from memorag_graph.text.sentences import split_sentences
from memorag_graph.text.words import passages
from tests.conftest import TEXT, HashEmbeddings

QUESTION = "How many people did the ferry carry?"


@pytest.mark.parametrize(
    "line",
    ["1. The ferry sailed to Inshay", "- The ferry sailed to Inshay", "• “The ferry sailed to Inshay”",
     "(2) The ferry sailed to Inshay", "Q3: The ferry sailed to Inshay", "   * **The ferry sailed to Inshay**"],
)  # fmt: skip
def test_bullets_and_quotes_are_taken_off(line: str) -> None:
    assert items(line) == ["The ferry sailed to Inshay"]


@pytest.mark.parametrize("bullet", ["1、{}", "（二）{}", "问题1：{}", "「{}」"])
def test_clues_of_a_language_without_spaces(bullet: str) -> None:
    clue = "轮船驶往因谢岛的港口"
    assert items(bullet.format(clue)) == [clue]


def test_a_figure_at_the_start_is_no_bullet() -> None:
    assert items("2.5 million people sailed") == ["2.5 million people sailed"]


def test_broken_characters_are_left_out() -> None:
    assert items("The ferry\ufffd sailed to Inshay") == ["The ferry sailed to Inshay"]


INSTRUCTION = "Copy the sentences of the document that help to answer this question, up to five, without comment."

FAULTS = {
    "Here are the questions:": "heading",
    "ferry": "scrap",
    QUESTION: "question",
    "Copy sentences of the document that help to answer": "instruction",
    "the harbour at Thorle was CLOSED!": "repeat",
    "I'm sorry, but I cannot answer that question.": "refusal",
    "The document does not mention how many people": "refusal",
    "很抱歉，文中没有提到渡轮运送的人数": "refusal",
}


def test_each_useless_clue_is_dropped_for_its_own_reason() -> None:
    good = ["The harbour at Thorle was closed", "Freight rose in autumn"]
    kept, dropped = filter_clues([good[0], *FAULTS, good[1]], QUESTION, INSTRUCTION, "en")
    assert kept == good
    assert dropped == [Dropped(text, reason) for text, reason in FAULTS.items()]


def test_what_no_passage_supports_is_dropped() -> None:
    passages = [{"ferry", "carried", "forty", "lorries"}, {"captain", "quill", "retired", "1999"}]
    kept, dropped = supported(["The ferry carried forty lorries", "Captain Quill retired in 1998"], passages, 0.6, "en")
    assert kept == ["The ferry carried forty lorries"]
    assert dropped == [Dropped("Captain Quill retired in 1998", "unsupported")]


def test_what_has_little_in_common_with_the_document_is_not_searched_for() -> None:
    index = KeywordIndex.from_chunks([Chunk("a", 0, 0, len(TEXT), TEXT)], "en")
    queries = [
        Query("question", "quantum chromodynamics"),
        Query("span", "the ferry carried lorries"),
        Query("surrogate", "quarks and gluons interact"),
        Query("draft", "I do not have any information about lorries."),
    ]
    kept, dropped = related(queries, index.share_known)
    assert kept == queries[:2]
    assert [it.reason for it in dropped] == ["unrelated", "refusal"]


@pytest.mark.parametrize(
    ("clue", "code"),
    [
        ("Did he die at sea?", "en"),
        ("Who won the war?", "en"),
        ("Was it hot in May?", "en"),
        ("Wo ist das Tal?", "de"),
        ("¿Fue el rey al mar?", "es"),
        ("Ai là vua của cả nước?", "vi"),
        ("เขาเสียชีวิตในทะเลหรือไม่", "th"),
        ("ລາວຕາຍຢູ່ທະເລບໍ", "lo"),
        ("តើគាត់ស្លាប់នៅសមុទ្រឬ", "km"),
        ("သူပင်လယ်မှာသေဆုံးခဲ့သလား", "my"),
        ("क्या वह समुद्र में मर गया?", "hi"),
        ("他死在海上了吗？", "zh"),
        ("그는 바다에서 죽었나요?", "ko"),
    ],
)
def test_questions_of_short_words_and_of_any_script_are_kept_and_found_to_repeat(clue: str, code: str) -> None:
    kept, dropped = filter_clues([clue, clue], "Xyzzy?", "", code)
    assert (kept, dropped) == ([clue], [Dropped(clue, "repeat")])
    assert filter_clues([clue], clue, "", code)[1] == [Dropped(clue, "question")]
    assert filter_clues([clue], "Xyzzy?", f"Qwerty {clue}", code)[1] == [Dropped(clue, "instruction")]


def test_function_words_and_single_letters_are_no_words_of_a_clue() -> None:
    assert clue_words("Did he die at sea, in his ship's hold?", "en") == ["die", "sea", "ship", "hold"]
    assert clue_words("Die Uhr hat er im Zug", "de") == ["uhr", "zug"]
    assert filter_clues(["Is it of the", "He had it"], "Xyzzy?", "", "en")[0] == []


def test_short_words_decide_whether_a_passage_supports_a_clue() -> None:
    known = passages(["The old man fed the dog and the cat.", "The sea was red."], function_words("en"))
    spans = ["The man fed the dog", "The man bit the fox", "The red sea and the old cat"]
    assert supported(spans, known, 0.6, "en")[0] == [spans[0], spans[2]]


def test_every_reason_is_one_of_the_documented_ones() -> None:
    assert {*FAULTS.values(), "unsupported", "unrelated", "astray"} == set(DROP_REASONS)


def test_clues_farther_from_the_question_than_the_text_itself_are_not_searched_for() -> None:
    near = {"close": 0.6, "just": 0.46, "far": 0.44, "the draft": 0.1}
    queries = [Query("question", "q"), Query("span", "close"), Query("surrogate", "far"), Query("surrogate", "just"),
               Query("draft", "the draft")]  # fmt: skip

    def nearness(question: str, texts: Sequence[str]) -> tuple[float, list[float]]:
        assert question == "q"
        return 0.5, [near[text] for text in texts]

    kept, dropped = on_topic(queries, nearness, 0.9)
    assert [it.text for it in kept] == ["q", "close", "just"]
    assert dropped == [Dropped("far", "astray"), Dropped("the draft", "astray")]
    outline = [Query("outline", "far"), Query("outline", "close")]
    assert on_topic(outline, nearness, 0.9) == (outline, [])


def test_nearness_is_the_cosine_to_the_nearest_chunk_whatever_keeps_the_vectors() -> None:
    embeddings = HashEmbeddings()
    chunks = [Chunk("a", 0, at, at + len(text), text) for at, text in enumerate(("ferry lorries", "harbour captain"))]
    index = MemoryIndex(FaissIndex.from_chunks(chunks, embeddings), None)
    vectors = {text: embed(embeddings, [text])[0] for text in ("the captain", "ferry lorries", "harbour captain", "x")}
    expected = [float(vectors["the captain"] @ vectors[text]) for text in ("harbour captain", "ferry lorries", "x")]
    nearest, others = index.nearness("the captain", ["ferry lorries", "x"])
    assert [nearest, *others] == pytest.approx(expected, abs=1e-6)
    assert MemoryIndex(NoIndex(chunks), None).nearness("the captain", ["x"]) == (0.0, [0.0])


@pytest.mark.parametrize("code", ["en", "zh", "de"])
def test_every_language_has_all_prompts_with_their_placeholders(code: str) -> None:
    prompts = Prompts(language(code))
    for key, template in prompts.resolved().items():
        assert all(f"{{{name}}}" in template for name in REQUIRED_FIELDS[key])
    filled = prompts.fill("qa_gen", question="Q {evidence}?", evidence="E", memory="")
    assert "Q {evidence}?" in filled
    assert "\n\n\n" not in filled


def test_documents_in_other_languages_are_answered_in_their_language() -> None:
    german = Prompts(language("de"))
    assert all("Write in German." in german[key] for key in ("gist", "span", "sur", "qa", "sum", "qa_gen", "sum_gen"))
    assert "German" not in german["context"]
    assert "Write in" not in Prompts(language("en"))["qa"]


def test_overrides_are_used_and_checked() -> None:
    assert Prompts(language("en"), {"qa": "Q: {question}"}).fill("qa", question="Why?") == "Q: Why?"
    with pytest.raises(InputError, match=r"must contain \{question\}") as error:
        Prompts(language("en"), {"span": "no placeholder"})
    assert error.value.field == "prompts.span"
    with pytest.raises(InputError, match="choose from context, gist"):
        Prompts(language("en"), {"bogus": "x"})  # type: ignore[dict-item]


def count(text: str) -> int:
    return len(text.split())


@pytest.mark.parametrize(
    "draft",
    ["", "The ferry carried 17 thousand people to the moon in 2099.", "nothing " * 50,
     "In the year 1990 the ferry carried 970 thousand people and 930 lorries."],
)  # fmt: skip
def test_a_digest_says_only_what_the_section_says(draft: str) -> None:
    digest = grounded_summary(draft, TEXT, 60, count, "en")
    assert 20 < count(digest) <= 60
    assert all(sentence.text in TEXT for sentence in split_sentences(digest, "en"))


def test_a_digest_keeps_a_drafted_sentence_that_the_section_supports() -> None:
    draft = "In 1990 the ferry carried 930 thousand people. In 1990 it carried 931 thousand people."
    digest = grounded_summary(draft, TEXT, 60, count, "en")
    assert "In 1990 the ferry carried 930 thousand people." in digest
    assert "931" not in digest


def test_a_digest_of_a_section_without_sentences_keeps_to_its_limit() -> None:
    assert 0 < len(grounded_summary("", "x" * 500, 20, len, "en")) <= 20


def test_central_sentences_come_once_each_and_not_the_empty_ones_first() -> None:
    sentences = split_sentences(
        "Thank you very much for your kind attention. The ferry company carried 320 lorries across the harbour. "
        "The harbour and the ferry were closed by storms in November. Lorries and ferry passengers waited.",
        "en",
    )
    ranked = list(central_sentences(sentences))
    assert len(ranked) == len(set(ranked))
    assert not ranked[0].text.startswith("Thank you")


def test_a_digest_does_not_depend_on_the_order_of_a_set() -> None:
    """Words are hashed anew in each process; sentences that weigh nearly the same must not change places."""
    code = (
        "from memorag_graph.memory.build.grounded_summary import central_sentences\n"
        "from memorag_graph.text.sentences import split_sentences\n"
        "words = [chr(97 + n % 26) * 3 + chr(97 + n // 26) * 2 for n in range(200)]\n"
        "text = ' '.join(' '.join(words[(7 * n + k * k) % 200] for k in range(9)) + '.' for n in range(150)).title()\n"
        "print([sentence.start for sentence in central_sentences(split_sentences(text, 'en'))])\n"
    )
    orders = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in range(4)
    }
    assert len(orders) == 1
    assert len(orders.pop()) > 100


def test_a_line_of_spaces_is_read_in_linear_time() -> None:
    """A quadratic pattern takes minutes here."""
    code = "from memorag_graph.clues.list_parsing import items; print(items('Q' + ' ' * 200_000 + 'x')[0][-1])"
    shown = subprocess.run([sys.executable, "-c", code], check=True, timeout=20, capture_output=True, text=True).stdout
    assert shown == "x\n"
