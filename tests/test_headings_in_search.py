"""What heads a passage (file name, title, heading) finds it, though the passage does not contain it."""

import json
import random
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from memorag_graph.documents import NO_PAGES, Document, PageMap, from_text, read_document
from memorag_graph.documents.context_words import context_words
from memorag_graph.documents.numbered_headings import numbered_headings, with_numbered
from memorag_graph.documents.numerals import canonical, readings
from memorag_graph.documents.part_references import asked_parts, part_numbers, references
from memorag_graph.retrieval.dense_index import FaissIndex
from memorag_graph.retrieval.keyword_index import KeywordIndex
from memorag_graph.retrieval.memory_index import MemoryIndex, chunk_names
from memorag_graph.text.chunking import Chunk
from tests.conftest import TEXT, HashEmbeddings, split_documents, tiny_model

FIELD = Path(__file__).parent / "field"
NAMES = ("Ottilie Brandt", "cabinet-R", "rotateApiKeys", "Nguyen_Van_An", "Zürich 2024", "IPv6 notes")


def index_of(documents: list[Document], size: int = 64) -> MemoryIndex:
    chunks = split_documents(documents, tiny_model("llama"), size)
    page_maps = {document.source: document.page_map for document in documents}
    return MemoryIndex.of(FaissIndex.from_chunks(chunks, HashEmbeddings()), "en", page_maps)


def found(index: MemoryIndex, query: str) -> Chunk:
    assert index.keywords is not None
    (hits,) = index.keywords.search([query], 1)
    return index.chunks[hits[0].chunk]


@pytest.mark.parametrize("name", NAMES)
def test_a_file_is_found_by_its_name_among_files_of_one_form(name: str) -> None:
    texts = [f"Phone: 0{number}12. Room: {number}. Please call before noon." for number in range(len(NAMES))]
    index = index_of([Document(f"/people/{it}.txt", text) for it, text in zip(NAMES, texts, strict=True)])
    assert found(index, f"What is the phone number of {name}?").source == f"/people/{name}.txt"


def test_each_heading_finds_what_stands_under_it() -> None:
    picked = random.Random(5)
    words = picked.sample(sorted({word.strip(".,") for word in TEXT.split() if word.isalpha()}), 12)
    headings = [f"{first} {second}" for first, second in zip(words[::2], words[1::2], strict=True)]
    body = "The board meets here each spring, and all that is said stays in the room until the summer is over. "
    starts = [at * 5 * len(body) for at in range(len(headings))]
    text = body * 5 * len(headings)
    index = index_of([Document("rules.md", text, PageMap(sections=tuple(zip(starts, headings, strict=True))))])
    for start, heading in zip(starts, headings, strict=True):
        place = found(index, f"What is said under {heading}?").start
        assert start - len(body) <= place < start + len(body) * 5


def test_every_article_of_a_plain_text_is_found_by_its_number() -> None:
    document = read_document(FIELD / "statutes.txt")
    truth = json.loads((FIELD / "statutes_truth.json").read_text(encoding="utf-8"))
    assert [title for _, title in document.page_map.sections] == [f"Article {number}" for number in truth]
    index = index_of([document], size=96)
    for number, article in truth.items():
        first = found(index, f"What does Article {number} say?")
        assert document.text.index(article) < first.end
        assert first.start < document.text.index(article) + len(article)


def test_the_name_of_the_only_document_changes_no_order() -> None:
    named, unnamed = (index_of([Document(name, TEXT)]) for name in ("the harbour and captain Quill.txt", "context"))
    assert named.keywords is not None
    assert unnamed.keywords is not None
    for query in ("harbour", "Captain Quill", "Which lorries came to the harbour in 1999?"):
        orders = [[hit.chunk for hit in it.search([query], 10)[0]] for it in (named.keywords, unnamed.keywords)]
        assert orders[0][: len(orders[1])] == orders[1]


def test_a_chunk_stands_under_its_files_name_its_title_and_its_heading() -> None:
    page_map = PageMap(sections=((0, "Staff rules"), (300, "Leave")))
    assert context_words(page_map, 350, "/a/hand_book.pdf") == "hand book\nStaff rules\nLeave"
    assert context_words(page_map, 10, "hand_book.pdf") == "hand book\nStaff rules"
    assert context_words(PageMap(sections=((300, "Leave"),)), 350, "context") == "Leave"
    assert context_words(NO_PAGES, 0, "context") == ""


def test_a_saved_index_keeps_names_and_an_earlier_one_is_made_again(tmp_path: Path) -> None:
    documents = [Document(f"{name}.txt", TEXT) for name in NAMES]
    index = index_of(documents)
    assert index.keywords is not None
    path, asked = tmp_path / "keywords.bin", []

    def names() -> list[str]:
        asked.append("names")
        return chunk_names(index.chunks, {})

    index.keywords.save(path)
    queries = [*NAMES, "Captain Quill"]
    assert KeywordIndex.load(path, index.chunks, "en", names).search(queries, 9) == index.keywords.search(queries, 9)
    assert asked == []
    # as earlier versions wrote it: without a version and with other terms
    tensors = {name: tensor for name, tensor in load_file(path).items() if name != "terms_version"}
    tensors["terms"] = np.frombuffer(json.dumps(["quill"]).encode(), dtype=np.uint8)
    save_file(tensors, path)
    assert KeywordIndex.load(path, index.chunks, "en", names).search(queries, 9) == index.keywords.search(queries, 9)
    with pytest.raises(ValueError, match="argument 2 is shorter"):  # a mistake of the caller: the file is not damaged
        KeywordIndex.load(path, index.chunks, "en", lambda: ["one name"])


@pytest.mark.parametrize(
    ("text", "headings"),
    [
        ("Chapter IV\n\nText", ["Chapter IV"]),
        ("Section 3.2 Payment terms\n\nText", ["Section 3.2 Payment terms"]),
        ("Article 7. Repairs\n\nText", ["Article 7. Repairs"]),
        ("Article 7. The board decides each spring. Nobody else does.\n\nText", ["Article 7"]),
        ("§ 12 Der Mieter zahlt am Ersten des Monats.\n\nText", ["§ 12"]),
        ("Text endet.\nArtikel 5\nDer Vorstand tagt.", ["Artikel 5"]),
        ("Статья 5. Плата\n\nТекст", ["Статья 5. Плата"]),
        ("المادة 5\n\nنص", ["المادة 5"]),
        ("अनुच्छेद ७\n\nपाठ", ["अनुच्छेद ७"]),
        ("มาตรา 7\n\nข้อความ", ["มาตรา 7"]),
        ("第十二章 总则\n\n正文", ["第十二章 总则"]),
        ("제3조\n\n본문", ["제3조"]),
        ("第七条　总则由委员会决定，并每年公布。\n\n正文", ["第七条"]),
        ("Ziffer 4\n\nText", ["Ziffer 4"]),
        ("Alinéa 2. Qui les ignore paie une amende.\n\nTexte", ["Alinéa 2"]),
        ("Article 7 applies to guests.\n\nText", []),
        ("They quoted\nArticle 7\nof the statutes.", []),
        ("Part of the problem\n\nText", []),
        ("Title: War and Peace\n\nText", []),
    ],
)
def test_numbered_headings_are_found_and_sentences_are_none(text: str, headings: list[str]) -> None:
    assert [title for _, title in numbered_headings(text)] == headings
    assert all(text.startswith(title[:5], start) for start, title in numbered_headings(text))
    assert [title for _, title in from_text(text).page_map.sections] == headings


def test_a_heading_that_mark_up_shows_is_not_found_twice() -> None:
    text = "# Rules\n\nArticle 1\n=\n\nText\n\nArticle 2\n\nText"
    known = ((0, "Rules"), (9, "Article 1"))
    assert with_numbered(text, known) == (*known, (text.index("Article 2"), "Article 2"))


def test_references_to_numbered_parts_are_found_with_their_names() -> None:
    asked = references("What do Article 7, clause 3.5 and § 12a of the 40 rules say?")
    assert asked == {"7": "Article 7", "3.5": "clause 3.5", "12a": "§ 12a"}
    assert part_numbers("Article 7\n\nWhoever breaks clause 3.5 pays 77 shillings.\n7.2 Rent") == {
        "7",
        "vii",
        "3.5",
        "7.2",
    }
    assert part_numbers("Article IV\n\n(b) Goats\n\n第十二条") == {"iv", "4", "b", "12", "xii"}


@pytest.mark.parametrize(
    ("question", "name", "numbers"),
    [
        ("What does Section 3(2)(a) say?", "Section 3(2)(a)", ("3", "2", "a")),
        ("What does paragraph (a) of section 3 say?", "paragraph (a) of section 3", ("3", "a")),
        ("Was steht in § 12 Abs. 2?", "§ 12 Abs. 2", ("12", "2")),
        ("Was sagt Ziffer 4?", "Ziffer 4", ("4",)),
        ("Que dit l'alinéa 2 de l'article 7 ?", "alinéa 2 de l'article 7", ("7", "2")),
        ("Que dit l'article premier ?", "article premier", ("1",)),
        ("第二十三条第2款规定了什么？", "第二十三条第2款", ("23", "2")),
        ("제7조의 내용은?", "제7조", ("7",)),
        ("ماذا تقول المادة ٧؟", "المادة ٧", ("7",)),
        ("What does article XIV say?", "article XIV", ("xiv",)),
        ("What does Annex I say?", "Annex I", ("i",)),
        ("What does point 2 say?", "point 2", ("2",)),
    ],
)
def test_a_reference_names_the_parts_within(question: str, name: str, numbers: tuple[str, ...]) -> None:
    (part,) = asked_parts(question)
    assert (part.name, (part.number, *part.inner)) == (name, numbers)


@pytest.mark.parametrize(
    "question", ["Which part I should read?", "Is it part a of it?", "The 7 rules", "Article about 7"]
)
def test_words_are_no_references(question: str) -> None:
    assert references(question) == {}


def test_numbers_of_parts_are_read_in_all_forms() -> None:
    assert [canonical(it) for it in ("٧", "７", "VII", "1er", "premier", "十", "二十三", "二〇", "百零五")] == [
        *("7", "7", "vii", "1", "1", "10", "23", "20", "105"),
    ]
    for value in range(1, 400):
        (roman,) = readings(str(value)) - {str(value)}
        assert readings(roman) == {str(value), roman}
    assert readings("1999") == {"1999"}
