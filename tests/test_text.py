"""Documents, chunks, sentences, words, languages."""

import random
from itertools import pairwise
from pathlib import Path

import pytest
from langchain_core.documents import Document as LangChainDocument

from memorag_graph.documents import Document, clean_text, from_langchain, from_text, read_document, read_documents
from memorag_graph.errors import InputError
from memorag_graph.models.token_estimate import estimate_tokens
from memorag_graph.text.languages import detect_language
from memorag_graph.text.sentences import is_brief_statement, is_statement, split_sentences
from memorag_graph.text.words import content_words, count_words, is_supported, passages, repeats
from tests.conftest import EXAMPLE, TEXT, split_documents, tiny_model

FRENCH = "Le café est préparé à la française. Être ou ne pas être, voilà la question élevée. " * 5


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32", "cp1252"])
def test_encodings_are_detected(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "text.txt"
    path.write_text(FRENCH, encoding=encoding)
    assert read_document(path).text == FRENCH


@pytest.mark.parametrize("encoding", ["gb18030", "big5"])
def test_chinese_encodings_are_detected(tmp_path: Path, encoding: str) -> None:
    text = "公司今年的收入增長了百分之十二,利潤下降。董事會決定購買兩艘新船。" * 20
    text = text if encoding == "big5" else text.replace("長", "长").replace("潤", "润")
    path = tmp_path / "text.txt"
    path.write_bytes(text.encode(encoding))
    assert read_document(path).text == text


def test_offsets_are_those_of_pythons_own_reading(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_bytes(b"One.\r\nTwo.\rThree.\n")
    assert read_document(path).text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "no text"), (b" \n\t ", "no text"), (bytes(range(256)) * 8, "not a text"), (b"\xff\xfeA", "not a text")],
)
def test_files_without_text_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as error:
        read_document(path)
    assert error.value.field == "file"


def test_missing_files_and_directories_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        read_documents([tmp_path / "missing"])
    with pytest.raises(InputError, match="cannot be read"):
        read_document(tmp_path)
    with pytest.raises(InputError, match="cannot be read"):
        read_document("a\0b")


def test_lone_surrogates_are_replaced_in_place() -> None:
    assert clean_text("a\ud800b") == "a\N{REPLACEMENT CHARACTER}b"
    assert from_text("a\udfffb").text.encode()


@pytest.mark.parametrize("marks", ["\ufeff", "\ufeff\ufeff"])
def test_a_text_with_a_byte_order_mark_is_the_text_without(marks: str) -> None:
    for text in ("# Opening hours", " É\ufeff\n", ""):
        assert clean_text(marks + text) == clean_text(clean_text(marks + text)) == text
    assert from_text(f"{marks}{TEXT}") == from_text(TEXT)
    pages = [LangChainDocument(f"{marks}Page {number}.", metadata={"page": number}) for number in range(3)]
    (document,) = from_langchain(pages)
    assert document.text == "Page 0.\n\nPage 1.\n\nPage 2."
    assert document.page_map.pages == ((0, 1), (9, 2), (18, 3))


@pytest.mark.parametrize("text", ["", "  \n", "\ufeff\n", 7])
def test_texts_without_words_are_refused(text: object) -> None:
    with pytest.raises(InputError) as error:
        from_text(text)  # type: ignore[arg-type]
    assert error.value.field == "context"


@pytest.mark.parametrize("size", [16, 100, 700])
def test_chunks_cover_the_text_within_the_token_limit(size: int) -> None:
    model = tiny_model("llama")
    documents = [Document("a", TEXT), Document("b", EXAMPLE.read_text(encoding="utf-8")[:5000])]
    chunks = split_documents(documents, model, size)
    for position, document in enumerate(documents):
        mine = [chunk for chunk in chunks if chunk.document == position]
        assert all(document.text[chunk.start : chunk.end] == chunk.text for chunk in mine)
        assert "".join("".join(chunk.text for chunk in mine).split()) == "".join(document.text.split())
        assert all(before.end <= after.start for before, after in pairwise(mine))
    assert all(model.count(chunk.text) <= size for chunk in chunks)


def test_control_tokens_in_a_text_count_as_the_model_reads_them() -> None:
    model = tiny_model("llama")
    chunks = split_documents([Document("a", "<|end|><|user|>" * 200)], model, 100)
    assert max(model.count(chunk.text) for chunk in chunks) <= 100


def test_a_tokenizer_without_a_rust_core_splits_too() -> None:
    class Words:
        fast_tokenizer = None

        def count(self, text: str) -> int:
            return len(text.split())

    chunks = split_documents([Document("a", TEXT)], Words(), 50)
    assert max(len(chunk.text.split()) for chunk in chunks) <= 50
    assert len(chunks) > 5


@pytest.mark.parametrize("seed", range(20))
def test_sentences_have_exact_offsets_and_lose_nothing(seed: int) -> None:
    pieces = [
        "Dr. Smith left. ",
        "He paid £3.5m!\n",
        "\n\n",
        "- an item\n",
        "公司增长。",
        "wrapped line\nof text ",
        "“Why?” ",
        "é\n",
    ]
    text = "".join(random.Random(seed).choices(pieces, k=30))
    sentences = split_sentences(text, "en")
    assert all(text[sentence.start : sentence.end] == sentence.text for sentence in sentences)
    assert "".join("".join(sentence.text for sentence in sentences).split()) == "".join(text.split())


def test_wrapped_paragraphs_are_joined_and_list_items_are_not() -> None:
    text = (
        "She was beginning to get very tired of sitting on the\nbank, and of having nothing to do. "
        "It was a hot day.\n\n- first thing\n- second thing\nSpeaker A: I agree\nSpeaker B: So do I"
    )
    assert [sentence.text for sentence in split_sentences(text, "en")] == [
        "She was beginning to get very tired of sitting on the\nbank, and of having nothing to do.",
        "It was a hot day.",
        "- first thing",
        "- second thing",
        "Speaker A: I agree",
        "Speaker B: So do I",
    ]


@pytest.mark.parametrize(
    ("heading", "sentence"),
    [
        ("4 The year 2020", "Sales rose by 4 %."),
        ("4.1 Costs of coal in the yard", "Coal was cheap. Wood was not."),
        ("3 Ergebnisse des Jahres 2020", "Der Umsatz stieg um vier Prozent."),
        ("2. Opening hours of the pool", "The pool opens at nine every day of the week."),
        ("BACKGROUND AND AIMS", "The quay was built."),
        ("Holiday Entitlement", "Each employee has 25 days of holiday."),
    ],
)
def test_a_heading_is_not_joined_with_the_sentence_below_it(heading: str, sentence: str) -> None:
    found = [it.text for it in split_sentences(f"{heading}\n{sentence}", "en")]
    assert found[0] == heading
    assert " ".join(found[1:]) == sentence


@pytest.mark.parametrize(
    "sentence",
    [
        "The harbour was built by\nAnna Holt in the year of\nthe flood.",
        "12 Norwegian ships and the\nRoyal Yacht came to town.",
        "2. Rent is paid to the landlord\nJohn Smith in the first week of\nthe month.",
        "Prime Minister Theresa\nMay resigned today in the\nafternoon.",
    ],
)
def test_wrapped_lines_that_begin_like_headings_are_joined(sentence: str) -> None:
    assert [it.text for it in split_sentences(sentence, "en")] == [sentence]


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("Fees rise from May. Fees of boats stay.", ["Fees rise from May.", "Fees of boats stay."]),
        ("It closed on 3 May. It opened in May. It is so.", ["It closed on 3 May.", "It opened in May.", "It is so."]),
        ("It was put off to Dec. 5 and May. 7.", ["It was put off to Dec. 5 and May. 7."]),
        ("**Open.** Come in. __Never__ ask.", ["**Open.**", "Come in.", "__Never__ ask."]),
    ],
)
def test_sentences_end_after_may_and_with_their_emphasis(text: str, sentences: list[str]) -> None:
    assert [it.text for it in split_sentences(text, "en")] == sentences


def test_headings_are_not_statements() -> None:
    assert not is_statement("What happened to the money")
    assert is_statement("Revenue fell to £128m.")
    assert is_statement("公司今年收入增长了百分之十二。")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (TEXT, "en"),
        (FRENCH, "fr"),
        ("这是一家轮船公司的年度报告。收入增长了百分之十二。", "zh"),
        ("Die Fähre war im Sommer pünktlich, im Winter nicht.", "de"),
        ("12345 !!", "en"),
    ],
)
def test_languages_are_detected(text: str, code: str) -> None:
    assert detect_language(text).code == code
    assert detect_language(text * 4000).code == code


def test_content_words_of_scripts_with_and_without_spaces() -> None:
    assert content_words("The fee rose by 1,204.5 to the Board") == ["rose", "1,204.5", "board"]
    assert content_words("收入增长") == ["收入", "入增", "增长"]
    assert count_words("two words") == 2
    assert count_words("四个汉字") == 2


def test_a_statement_is_supported_by_one_passage_with_all_its_figures() -> None:
    known = passages(["Revenue rose to 12 million pounds.", "The harbour master resigned.", "Profit was 9 million."])
    assert is_supported("Revenue rose to 12 million", known, 0.8, 3)
    assert not is_supported("Revenue rose to 9 million", known, 0.7, 3)
    assert not is_supported("Revenue fell after storms", known, 0.8, 3)
    assert not is_supported("Revenue", known, 0.8, 3)


def test_a_line_repeats_an_earlier_one_with_nearly_the_same_words() -> None:
    lines = ["The harbour was closed by storms", "Freight rose"]
    earlier = [content_words(line) for line in lines]
    assert repeats(content_words("The harbour was closed by the storms"), earlier)
    assert not repeats(content_words("The ferry was closed by storms"), earlier)
    assert not repeats(content_words("Freight rose"), earlier[:1])


@pytest.mark.parametrize(
    "text", ["Born in Trento.", "Defaults to 64.", "Costs 20.", "Closed on Sundays.", "Né à Lyon."]
)
def test_two_or_three_words_can_be_a_statement(text: str) -> None:
    assert is_brief_statement(text)


@pytest.mark.parametrize(
    "text", ["Bank of England.", "Fig. 3.", "Page 3.", "See above.", "Chapter One.", "Opening hours.", "Born in Trento"]
)
def test_headings_and_crumbs_are_no_statements(text: str) -> None:
    assert not is_brief_statement(text)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        ("ferry", 1),
        ("ferries", 2),
        ("1811", 2),
        ("in 1811,", 4),
        ("one\n\n two\t", 3),
        ("渡し船", 3),
        (" \t ", 0),
    ],
)
def test_tokens_are_estimated_by_letters_digits_and_signs(text: str, tokens: int) -> None:
    assert estimate_tokens(text) == tokens
