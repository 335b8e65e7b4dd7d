"""Markdown: front matter is no text, rows of tables know their header."""

from pathlib import Path

import pytest

from memorag_graph.documents import Document, read_document
from memorag_graph.documents.markdown import markdown_document

FIELD = Path(__file__).parent / "field"


def read(directory: Path, text: str) -> Document:
    (directory / "a.md").write_text(text, encoding="utf-8")
    return read_document(directory / "a.md")


def test_a_byte_order_mark_is_no_text() -> None:
    document = read_document(FIELD / "bom.md")
    assert document.text == "# Opening hours\n\nThe gate opens at seven on every working day.\n"
    assert document.page_map.section(document.text.index("seven")) == "Opening hours"


@pytest.mark.parametrize("front", [
    "---\ntitle: Opening hours\ntags: [a, b]\n---\n", '---\n# comment\n\ntitle: "Opening hours"\n...\n\n',
    "+++\ntitle = 'Opening hours'\n+++\n\n", "---\r\nTitle:   Opening hours\r\n---\r\n",
    "\ufeff---\nlist:\n  - a\ntitle: Opening hours\n---\n",
])  # fmt: skip
@pytest.mark.parametrize(
    "body", ["The gate opens at seven.\n\n# Fares\n\n14 crowns.\n", "# Gate\n\nThe gate opens at seven.\n"]
)
def test_front_matter_is_no_text_and_its_title_a_section(tmp_path: Path, front: str, body: str) -> None:
    (tmp_path / "a.md").write_bytes((front + body).encode())
    document = read_document(tmp_path / "a.md")
    assert document.text == body
    expected = "Gate" if body.startswith("#") else "Opening hours"
    assert document.page_map.section(document.text.index("seven")) == expected


@pytest.mark.parametrize("text", [
    "---\n\nA rule, then text.\n\n---\n", "---\ntitle: never closed\n\ntext\n", "Text first.\n\n---\ntitle: x\n---\n",
    "---\n---\n\ntext\n", "----\ntitle: x\n---\n",
])  # fmt: skip
def test_rules_are_no_front_matter(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text).text == text


TABLE = """Before | no table.

| Depot  | Stock \\| all |
|:-------|----:|
| Leeds  | 44  |
| York   | 7   |

After | it.

a | b
--|--
1 | 2
```
x | y
--|--
3 | 4
```
"""


def test_rows_of_a_table_know_their_header_and_the_text_is_kept(tmp_path: Path) -> None:
    document = read(tmp_path, TABLE)
    assert document.text == TABLE
    places = {words: document.page_map.header(TABLE.index(words)) for words in (
        "Before", "| Depot", "|:--", "Leeds", "York   | 7", "After", "a | b", "1 | 2", "x | y", "3 | 4",
    )}  # fmt: skip
    header = "Depot | Stock | all"
    assert places == {
        "Before": None, "| Depot": None, "|:--": None, "Leeds": header, "York   | 7": header, "After": None,
        "a | b": None,
        "1 | 2": "a | b", "x | y": None, "3 | 4": None,
    }  # fmt: skip


def test_a_heading_after_a_table_is_one(tmp_path: Path) -> None:
    document = read(tmp_path, "| a | b |\n|---|---|\n| 1 | 2 |\n\nFares\n-----\n\nx\n\n| only a header |\n|---|---|\n")
    assert [title for _, title in document.page_map.sections] == ["Fares"]
    assert len(document.page_map.tables) == 1


@pytest.mark.parametrize(
    ("text", "expected", "notices"),
    [
        ("It is 10<sup>3</sup> litres of CO<sub>2</sub>.", "It is 10^3 litres of CO2.", ()),
        ("Seen <!-- note\n5 -->too.", "Seen too.", ()),
        ("Seen<span hidden> not</span>.", "Seen.", ("Hidden text was left out.",)),
        ("Seen<span style='display:none'> not</span>.", "Seen.", ("Hidden text was left out.",)),
        ("`<!-- code -->` and\n\n```\n<sup>3</sup>\n```\n", "`<!-- code -->` and\n\n```\n<sup>3</sup>\n```\n", ()),
        ("a < b and <b>c</b> > d", "a < b and <b>c</b> > d", ()),
        ("+++\ntitle='x'\n+++\n\n# Hi\n", "# Hi\n", ()),
    ],
)
def test_comments_and_hidden_elements_are_no_text(text: str, expected: str, notices: tuple[str, ...]) -> None:
    document = markdown_document(text, "a.md")
    assert (document.text, document.notices) == (expected, notices)


@pytest.mark.parametrize(("text", "expected"), [
    ("See ![red warning sign here](a.png \"t\") here.", "See (Picture: red warning sign here) here."),
    ("![Plan of the pier (east)](https://x.org/a_(1).png)", "Picture: Plan of the pier (east)"),
    ("![Plan of the pier][p]\n", "Picture: Plan of the pier\n"),
    ("<img src='x' alt='Map of the harbour' width=3>", "Picture: Map of the harbour"),
    ("![Logo](l.png)", "![Logo](l.png)"),
    ("`![Plan of the pier](a.png)`", "`![Plan of the pier](a.png)`"),
])  # fmt: skip
def test_what_is_said_of_a_picture_is_read(text: str, expected: str) -> None:
    assert markdown_document(text, "a.md").text == expected
