"""RTF: characters, paragraphs, tables, notes; what other programs write; no control words."""

import subprocess
from pathlib import Path

import pytest

from memorag_graph.documents import Document, read_document
from memorag_graph.errors import InputError
from tests.test_documents import MARKDOWN, needs_office, needs_pandoc, office, pandoc

FIELD = Path(__file__).parent / "field"


def read(directory: Path, body: str) -> Document:
    (directory / "a.rtf").write_bytes(b"{\\rtf1\\ansi " + body.encode() + b"}")
    return read_document(directory / "a.rtf")


def test_a_note_is_read_for_what_it_says() -> None:
    document = read_document(FIELD / "note.rtf")
    assert document.text == ("The café on the quay opens at seven in the morning.\n\nThe owner is called Łukasz Zając.")


@pytest.mark.parametrize(("body", "expected"), [
    (r"caf\'e9", "café"), (r"\uc1\u321?ukasz", "Łukasz"), (r"{\uc0\u321 ukasz}", "Łukasz"),
    (r"\u-10180?\u-8374?", "🍊"),
    (r"\uc2\u8364\'80\'80 x", "€ x"), (r"a\tab b\line c", "a\tb\nc"), (r"\{x\}\\", "{x}\\"),
    (r"a\~b\_c\-d", "a\xa0b-cd"),
    (r"{\fonttbl{\f0\fcharset204 Arial;}{\f1\fcharset0 Times;}}\f0\'cf\'e0\f1\'e9", "Паé"),
    (r"\ansicpg1251\'cf\'e0", "Па"), (r"{\fonttbl{\f0\fcharset128 M;}}\f0\'93\'fa\'96\'7b", "日本"),
    (r"\ansicpg932 \'83e\'83X\'83g", "テスト"), ("\\ansicpg932 \\'83\r\ne\\'83Xabc", "テスabc"),
    (r"\ansicpg932 \'83\\\'83\{a", "ソボa"), (r"\ansicpg1252 \'e9e", "ée"), (r"\ansicpg99999 \'e9", "é"),
    (r"\ldblquote a\rdblquote\endash b\emdash\bullet", "“a”–b—•"),
    (r"{\info{\title T}{\author A}}{\header H}{\footer F}{\pict 89504e47}{\*\generator G;}x", "x"),
    (r"{\field{\*\fldinst HYPERLINK x}{\fldrslt shown}}", "shown"), (r"a{\deleted gone}b", "ab"),
    (r"a\par\pard b\par", "a\n\nb"), ("one\r\ntwo", "onetwo"), (r"x\bin4 {{}}y", "xy"),
    (r"10{\super 3} and H{\sub 2}O, 1912{\super a}", "10^3 and H2O, 1912 [a]"),
    (r"see{\footnote\pard A note.} it\par Then.", "see it\n\nA note.\n\nThen."),
    (r"\pard{\listtext 1.\tab}First\par\pard{\listtext 2.\tab}Second\par", "1. First\n\n2. Second"),
])  # fmt: skip
def test_control_words_become_what_they_stand_for(tmp_path: Path, body: str, expected: str) -> None:
    assert read(tmp_path, body).text == expected


def test_hidden_text_is_left_out_with_a_notice(tmp_path: Path) -> None:
    document = read(tmp_path, r"Seen.{\v  Hidden.} Also {\v0 seen}.\plain\par")
    assert (document.text, document.notices) == ("Seen. Also seen.", ("Hidden text was left out.",))


def test_wide_cells_are_known_by_their_edges(tmp_path: Path) -> None:
    """As LibreOffice writes a header of two rows: Item | Price (2 columns) | Unit, and below: Net | Gross."""
    first = r"\trowd\trhdr\clvmgf\cellx1000\cellx3000\clvmgf\cellx4001\intbl Item\cell Price\cell Unit\cell\row"
    second = (
        r"\trowd\trhdr\clvmrg\cellx1000\cellx2000\cellx3000\clvmrg\cellx4000\intbl\cell Net\cell Gross\cell\cell\row"
    )
    row = r"\trowd\cellx1000\cellx2000\cellx3000\cellx4000\intbl Oil\cell 4\cell 5\cell l\cell\row"
    wide = r"\trowd\cellx1000\cellx3000\cellx4000\intbl Tar\cell 7\cell t\cell\row"
    assert read(tmp_path, first + second + row + wide).text.split("\n") == [
        "Item: Oil | Price Net: 4 | Price Gross: 5 | Unit: l",
        "Item: Tar | Price Net: 7 | Price Gross: 7 | Unit: t",
    ]


COLOURS = r"{\colortbl;\red255\green255\blue255;\red31\green56\blue100;}"


@pytest.mark.parametrize("body", [
    r"Seen.{\cf1 White.}\par", r"Seen.{\fs2 Tiny.}\par", r"Seen.\pard\cbpat2\cf2 Blue on blue.\par",
])  # fmt: skip
def test_text_that_cannot_be_seen_is_left_out_with_a_notice(tmp_path: Path, body: str) -> None:
    document = read(tmp_path, COLOURS + body)
    assert (document.text, document.notices) == ("Seen.", ("Hidden text was left out.",))


@pytest.mark.parametrize("body", [
    r"\cf1\highlight2 Seen.\par", r"{\cf1\chcbpat2 Seen.}\par", r"\pard\cbpat2\cf1 Seen.\par", r"{\cf1\plain Seen.}",
    r"\trowd\clcbpat2\cellx900\pard\intbl\cf1 Seen.\cell\row", r"{\cf0 Seen.}", r"{\fs12 Seen.}",
])  # fmt: skip
def test_text_on_a_coloured_background_is_read(tmp_path: Path, body: str) -> None:
    document = read(tmp_path, COLOURS + body)
    assert (document.text, document.notices) == ("Seen.", ())


def test_rows_of_a_table_name_their_columns(tmp_path: Path) -> None:
    def row(*cells: str, kinds: str = "") -> str:
        widths = "".join(
            f"{kind}\\cellx{at}" for at, kind in enumerate(kinds.split(",") if kinds else [""] * len(cells), 1)
        )
        return rf"\trowd{widths} " + "".join(rf"\pard\intbl {cell}\cell " for cell in cells) + r"\row "

    table = row("Ship", "Year", "Berths") + row("Heron", "2019", "41", kinds=r"\clvmgf,,")
    table += row("", "2020", "44", kinds=r"\clvmrg,,") + row("none", "", "0", kinds=r"\clmgf,\clmrg,")
    assert read(tmp_path, rf"Before.\par {table}\pard After.\par").text == (
        "Before.\n\nShip: Heron | Year: 2019 | Berths: 41\nShip: Heron | Year: 2020 | Berths: 44\n"
        "Ship: none | Year: none | Berths: 0\n\nAfter."
    )


@needs_pandoc
def test_pandoc_s_file_keeps_its_words_and_sections(tmp_path: Path) -> None:
    check(read_document(pandoc_rtf(tmp_path)))


@needs_pandoc
@needs_office
def test_an_office_program_s_file_keeps_its_words_and_sections(tmp_path: Path) -> None:
    check(read_document(office(pandoc(tmp_path / "a.docx"), "rtf")))


def pandoc_rtf(directory: Path) -> Path:
    path = directory / "a.rtf"
    subprocess.run(
        ["pandoc", "-s", "-f", "markdown", "-t", "rtf", "-o", str(path)], input=MARKDOWN, text=True, check=True
    )
    return path


def check(document: Document) -> None:
    assert "Founded by two brothers, the company owned one ship for eleven years." in document.text
    assert "passage: lorry | winter: 31 | summer: 38" in document.text
    assert "The council objected to the rise — in vain." in document.text
    assert "Minutes of the council, page 88." in document.text
    titles = [title for _, title in document.page_map.sections]
    assert titles[-4:] == ["The ferry company", "1.1 Ships", "1.2 Fares", "The pandemic"]
    assert "\\" not in document.text
    assert "{" not in document.text


@pytest.mark.parametrize(("body", "message"), [("", "no text"), ("{" * 5000, "nested too deeply")])
def test_damaged_files_are_refused(tmp_path: Path, body: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(tmp_path, body)


@pytest.mark.parametrize(
    "body", ["x}}}}", r"x\bin999999999 ", r"x\u99999999999 ", r"x\trowd\cell\row\clmrg\cellx", "x\\"]
)
def test_odd_files_are_read(tmp_path: Path, body: str) -> None:
    assert read(tmp_path, body).text.startswith("x")
