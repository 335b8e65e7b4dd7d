"""Languages: what docs/languages.md says of each is true, prose decides, and short texts fall back."""

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from memorag_graph.prompts import Prompts, en_prompts
from memorag_graph.retrieval.stop_words import stop_words
from memorag_graph.retrieval.terms import _STEMMERS, terms
from memorag_graph.text.chunking import Chunk, room, split_chunks
from memorag_graph.text.english import ENGLISH
from memorag_graph.text.languages import detect_common_language, detect_language, language, scripts
from memorag_graph.text.sentences import split_sentences
from memorag_graph.text.word_breaks import dictionary_words
from memorag_graph.text.words import is_unspaced, pairs
from tests.language_samples import SAMPLES

PAGE = (Path(__file__).parent.parent / "docs" / "languages.md").read_text(encoding="utf-8")
LISTED = {
    row[0]: row[1:] for row in re.findall(r"^\| `(\w+)` \| (.*?) \| (.*?) \| (.*?) \| (.*?) \| (.*?) \|$", PAGE, re.M)
}
NO_END_MARKS = ("th", "lo")


def test_the_page_lists_the_languages_with_support_of_their_own() -> None:
    assert LISTED.keys() == SAMPLES.keys()


@pytest.mark.parametrize("code", LISTED)
def test_what_the_page_says_of_a_language_is_true(code: str) -> None:
    name, prompts, words, stems, stops = LISTED[code]
    text = SAMPLES[code]
    assert name == language(code).name == detect_language(text).name
    assert (prompts == "own") == (f"Write in {name}." not in Prompts(language(code))["qa"])
    assert stems == ("yes" if code in _STEMMERS else "no")
    ignored = stop_words(code)
    assert stops == ("no" if not ignored else "single letters" if max(map(len, ignored)) == 1 else "yes")
    found = terms(text, code)
    assert found
    assert words.startswith("pairs") == any(map(is_unspaced, text))
    if words == "pairs of letters":
        assert set(pairs(max(re.findall(r"\w+", text), key=len))) <= set(found)
    if words.endswith("dictionary"):
        assert {word for word in dictionary_words(text) if len(word) > 3 and word.isalpha()} <= set(found)
    if code not in NO_END_MARKS and code != "km":
        assert len(split_sentences(text, code)) == 2


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(f"{number},Zürich Nord,Bangala,{number * 7}" for number in range(300)),
        "Müller AG, Zürich\nSchmidt GmbH, Köln\n" * 50,
        "def rotate(keys):\n    return {key: old[key] for key in keys}\n" * 50,
        "wifi password: hunter2\nrouter: 10.0.0.1\n",
        "https://example.com/a/b\nhttps://beispiel.de/c\n" * 20,
        '{"id": 7, "status": "open", "owner": "Jørgen"}\n' * 50,
        "Hej",
        "ok",
        "12345 !!",
        "",
    ],
)
def test_what_is_no_prose_has_the_callers_language_or_counts_as_english(text: str) -> None:
    assert detect_language(text).code == "en"
    assert detect_language(text, "de").code == "de"


def test_prose_decides_among_tables_code_and_names() -> None:
    prose = SAMPLES["de"]
    code = "for key in keys: print(old_keys[key], new_keys[key])\n"
    assert detect_language(f"{code * 40}{prose}\n{code * 40}").code == "de"
    table = "\n".join(f"{number},open,high,Leeds Central,{number * 7}" for number in range(300))
    assert detect_language(f"{table}\n{prose}\n{prose}").code == "de"
    records = f"id: 7 | status: open | text: {prose}\n" * 20
    assert detect_language(records).code == "de"


def test_the_language_of_several_documents_is_that_of_their_prose() -> None:
    table = "\n".join(f"{number},open,high,{number * 7}" for number in range(300))
    assert detect_common_language([table, SAMPLES["fr"], SAMPLES["fr"]]).code == "fr"
    assert detect_common_language([SAMPLES["fr"]]).code == "fr"


@pytest.mark.parametrize(
    ("text", "code"),
    [("संख्या", "hi"), ("Ответ", "ru"), ("ที่", "th"), ("答案", "zh"), ("こたえ", "ja"), ("Ωμέγα", "el")],
)
def test_the_script_tells_the_language_of_a_word(text: str, code: str) -> None:
    assert detect_language(text).code == code


@pytest.mark.parametrize("code", ["zxx", "und", "qqq", ""])
def test_a_code_without_a_name_never_reaches_a_prompt(code: str) -> None:
    filled = Prompts(language(code))["qa"]
    assert filled == f"{en_prompts['qa']}\n\nWrite in the language of the document."


@pytest.mark.parametrize("code", ["hi", "th", "ar", "km", "my"])
def test_chunks_have_room_for_as_much_text_in_scripts_that_a_tokenizer_does_not_know(code: str) -> None:
    def count(text: str) -> int:
        return sum(1 if word.isascii() else len(word.encode()) for word in text.split())

    assert room(" ".join(ENGLISH), count) == room(SAMPLES["en"], count) == 1
    assert room(SAMPLES[code] * 20, count) == 4


def test_room_grows_with_the_tokens_that_a_text_takes() -> None:
    def count_at(times: float) -> float:
        return room("я " * 500, lambda text: int(len(text) * (times if "я" in text else 1)))

    assert [count_at(times) for times in (0.5, 1, 1.9, 2, 2.6, 3.1, 9)] == [1, 1, 1, 2, 2.5, 3, 4]
    assert room("", len) == 1


def test_each_section_of_a_text_has_its_own_room_and_english_is_counted_once() -> None:
    class Counting:
        fast_tokenizer = None

        def __init__(self) -> None:
            self.counted: list[str] = []

        def count(self, text: str) -> int:
            self.counted.append(text)
            return sum(1 if character.isascii() else 4 for character in text)

    texts = ["word " * 40, "слово " * 40, "word " * 30]
    sections = [Chunk("a", 0, 1000 * at, 1000 * at + len(it), it) for at, it in enumerate(texts)]
    tokens = Counting()
    chunks = list(split_chunks(sections, tokens, 50))
    assert tokens.counted.count(" ".join(ENGLISH)) == 1
    for section in sections:
        size = int(50 * room(section.text, Counting().count))
        assert chunks_of(chunks, section) == chunks_of(split_chunks([section], Counting(), 50), section)
        assert max(Counting().count(chunk.text) for chunk in chunks_of(chunks, section)) > size / 2
        assert all(Counting().count(chunk.text) <= size for chunk in chunks_of(chunks, section))


def chunks_of(chunks: Iterable[Chunk], section: Chunk) -> list[Chunk]:
    return [chunk for chunk in chunks if section.start <= chunk.start < section.end]


def test_scripts_are_told_apart_and_chinese_and_japanese_are_one() -> None:
    assert scripts("日本の首都と Tokyo") == ["CJK", "LATIN"]
    assert scripts("ครูสมชาย") == ["THAI"]
    assert scripts("1969?") == []
