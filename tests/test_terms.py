"""Terms of keyword search: names are found however they are written, in any script."""

import pytest

from memorag_graph.retrieval.keyword_index import KeywordIndex
from memorag_graph.retrieval.terms import terms
from memorag_graph.text.chunking import Chunk
from memorag_graph.text.identifiers import identifier_parts, name_words
from memorag_graph.text.word_breaks import dictionary_words


def pieces(*texts: str) -> list[Chunk]:
    return [Chunk("a", 0, 0, len(text), text) for text in texts]


def first(query: str, language: str, *texts: str) -> str | None:
    """Return the text that a query finds first."""
    (hits,) = KeywordIndex.from_chunks(pieces(*texts), language).search([query], 1)
    return texts[hits[0].chunk] if hits else None


WRITTEN = ("rotateApiKeys", "RotateApiKeys", "rotate_api_keys", "rotate-api-keys", "rotate.api.keys", "ROTATE_API_KEYS")


@pytest.mark.parametrize("text", WRITTEN)
@pytest.mark.parametrize("query", [*WRITTEN, "rotate api keys", "How are API keys rotated?"])
def test_a_joined_name_is_found_by_its_words_however_it_is_written(text: str, query: str) -> None:
    others = ("The ferry sailed at dawn.", "renameUserGroups lists groups.", "A key opens the door.")
    assert first(query, "en", *others, f"Call {text} each month.") == f"Call {text} each month."


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("COVID-19", "covid19"),
        ("COVID19", "covid-19"),
        ("e-mail", "email"),
        ("IPv6", "ipv6"),
        ("HTTPServer", "server"),
        ("version 3.2", "3.2"),
        ("Ｅｘｃｅｌ", "excel"),
        ("٢٠٢٤", "2024"),
        ("२०२४", "2024"),
        ("ﬁnal oﬀer", "final offer"),
        ("sad\u00adness", "sadness"),
    ],
)
def test_spellings_of_a_name_find_each_other(text: str, query: str) -> None:
    others = ("The ferry sailed at dawn.", "It carried forty lorries in 1998.")
    assert first(query, "en", *others, text) == text
    assert first(text, "en", *others, query) == query


def test_the_whole_name_counts_more_than_its_parts() -> None:
    texts = ("rotate the api and its keys", "rotateApiKeys")
    assert first("rotateApiKeys", "en", *texts) == "rotateApiKeys"


@pytest.mark.parametrize(
    ("word", "parts"),
    [
        ("hostname", ["host", "name"]),
        ("hostage", []),
        ("rotateApiKeys", ["rotate", "Api", "Keys"]),
        ("HTTPServer", ["HTTP", "Server"]),
        ("covid19", ["covid", "19"]),
        ("20th", ["20"]),
        ("ferry", []),
        ("Ferry", []),
        ("NATO", []),
        ("हिन्दी", []),
        ("सड़क", []),
    ],
)
def test_only_joined_names_have_parts(word: str, parts: list[str]) -> None:
    assert identifier_parts(word) == parts


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("/srv/files/annual-report_2024.v2.pdf", "annual report 2024 v2"),
        (r"C:\Akten\Müller GmbH.docx", "Müller GmbH"),
        ("notes.txt (2)", "notes 2"),
        ("rotateApiKeys.md", "rotateApiKeys"),
        ("README", "README"),
        ("...", ""),
    ],
)
def test_the_words_of_a_file_name(name: str, words: str) -> None:
    assert name_words(name) == words


@pytest.mark.parametrize("name", ["R", "7", "C", "X", "§ 4"])
def test_a_single_letter_or_digit_is_a_term(name: str) -> None:
    texts = [f"Cabinet {letter} holds a key." for letter in ("B", "R", "7", "C", "X", "§ 4", "a")]
    assert first(f"What is in cabinet {name}?", "en", *texts) == f"Cabinet {name} holds a key."


@pytest.mark.parametrize(
    ("language", "text", "left"),
    [
        ("en", "I don't say it's a boss's I'll", {"do", "say", "boss"}),
        ("fr", "l'eau qu'il y a d'abord à C", {"eau", "abord", "c"}),
        ("es", "el perro y a o", {"perr"}),
        ("it", "l'acqua è dell'anno", {"acqua", "anno"}),
        ("ru", "я в саду и с ним", {"сад"}),
    ],
)
def test_short_forms_and_words_of_one_letter_that_say_nothing_are_no_terms(
    language: str, text: str, left: set[str]
) -> None:
    assert set(terms(text, language)) == left


SENTENCES = {
    "th": "ชาวบ้านช่วยกันซ่อมสะพานไม้ข้ามคลองและทาสีใหม่ทั้งหมด",
    "lo": "ປະເທດລາວມີພູເຂົາຫຼາຍແຫ່ງແລະແມ່ນ້ຳຂອງ",
    "km": "ខ្ញុំស្រឡាញ់ប្រទេសកម្ពុជានិងភាសាខ្មែរ",
    "my": "ကျွန်တော်မြန်မာစာဖတ်တယ်",
}
OTHERS = ("ปีนี้โรงเรียนได้รับหนังสือ", "ສະບາຍດີເພື່ອນ", "សៀវភៅនៅលើតុ", "မင်္ဂလာပါခင်ဗျာ", "the ferry sailed")


@pytest.mark.parametrize("language", SENTENCES)
def test_each_word_of_a_sentence_without_spaces_finds_it(language: str) -> None:
    sentence = SENTENCES[language]
    words = dictionary_words(sentence)
    assert "".join(words) == sentence
    assert len(words) > 4
    for word in words:
        assert word in terms(sentence, language) or len(word) == 1
        assert first(word, language, *(it for it in OTHERS if word not in it), sentence) == sentence


def test_invisible_signs_and_kinds_of_nukta_do_not_matter() -> None:
    assert {"ភាសា", "ខ្មែរ"} <= set(terms("ភាសា\u200bខ្មែរ", "km"))
    assert terms("क्\u200dया सड़क", "mr") == terms("क्या स\u095cक", "mr") == ["क्या", "सड\u093cक"]


def test_turkish_dots_stay_on_their_letters() -> None:
    assert terms("ISPARTA", "tr") == terms("ısparta", "tr") != terms("isparta", "tr")
    assert terms("İSTANBUL'DA", "tr")[0] == terms("istanbul", "tr")[0]


def test_a_single_chinese_character_is_found_and_figures_in_chinese_text_are_terms() -> None:
    texts = ("渡轮运送了许多卡车。", "船长退休了。", "第7条规定了费用。")
    assert first("船", "zh", *texts) == texts[1]
    assert first("第7条", "zh", *texts) == texts[2]
    assert "7" in terms("第7条", "zh")
