"""DOCX features: computed numbers, content controls, tracked changes, text boxes."""

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from memorag_graph.documents import read_document
from tests.test_documents import OFFICE, needs_office

docx = pytest.importorskip("docx", reason="needs pip install 'memorag-graph[documents]'")
parse_xml = pytest.importorskip("docx.oxml").parse_xml

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
LEVELS = (
    ("decimal", "%1.", ""),
    ("decimal", "%1.%2", ""),
    ("lowerLetter", "(%3)", ""),
    ("lowerRoman", "%4)", ""),
    ("upperRoman", "%2 – %5", ""),
    ("decimalZero", "%6", ""),
    ("upperLetter", "%1.%7", ""),
    ("upperLetter", "%1.%8", "<w:isLgl/>"),
)
COUNTED = [0, 1, 1, 2, 2, 3, 3, 4, 0, 0, 1, 2, 3, 3, 3, 3, 1, 5, 5, 6, 0, 4, 4, 2, 2, 2]


PICTURES = "http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing"


def numbering(*lists: str) -> Any:
    levels = "".join(
        f'<w:lvl w:ilvl="{at}"><w:start w:val="{3 if at == 2 else 1}"/><w:numFmt w:val="{form}"/>{more}'
        f'<w:lvlText w:val="{text}"/></w:lvl>'
        for at, (form, text, more) in enumerate(LEVELS)
    )
    bullets = '<w:lvl w:ilvl="0"><w:start w:val="1"/><w:numFmt w:val="bullet"/><w:lvlText w:val="•"/></w:lvl>'
    return parse_xml(
        f'<w:numbering {W}><w:abstractNum w:abstractNumId="1"><w:multiLevelType w:val="multilevel"/>{levels}'
        f'</w:abstractNum><w:abstractNum w:abstractNumId="2">{bullets}</w:abstractNum>'
        f'<w:num w:numId="1"><w:abstractNumId w:val="1"/></w:num>{"".join(lists)}'
        f'<w:num w:numId="9"><w:abstractNumId w:val="2"/></w:num></w:numbering>'
    )


def write(path: Path, paragraphs: Sequence[tuple[str, int, int]], *lists: str) -> Path:
    """Write numbered paragraphs: text, list, level."""
    document = docx.Document()
    document.part.numbering_part._element = numbering(*lists)
    for text, list_id, level in paragraphs:
        numbered(document.add_paragraph(text), list_id, level)
    document.save(str(path))
    return path


def numbered(paragraph: Any, list_id: int, level: int) -> None:
    paragraph._p.get_or_add_pPr().append(
        parse_xml(f'<w:numPr {W}><w:ilvl w:val="{level}"/><w:numId w:val="{list_id}"/></w:numPr>')
    )


def as_the_office_program_numbers(path: Path) -> list[str]:
    command = [str(OFFICE), f"-env:UserInstallation=file://{path.parent}/profile", "--headless", "--convert-to",
               "txt:Text (encoded):UTF8", "--outdir", str(path.parent / "out"), str(path)]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True, timeout=180)
    return lines((path.parent / "out" / f"{path.stem}.txt").read_text(encoding="utf-8-sig"))


def lines(text: str) -> list[str]:
    shown = [" ".join(line.split()).replace("•", "-") for line in text.splitlines()]
    return [line for line in shown if line]


@needs_office
def test_paragraphs_have_the_numbers_that_an_office_program_shows(tmp_path: Path) -> None:
    paragraphs = [(f"clause {at}", 1, level) for at, level in enumerate(COUNTED)]
    paragraphs += [("goods", 9, 0), ("services", 9, 0)]
    paragraphs += [(f"annex {at}", 2, level) for at, level in enumerate([0, 1, 1, 0])]
    paragraphs += [(f"more {at}", 1, level) for at, level in enumerate([1, 0, 1])]
    restarted = '<w:num w:numId="2"><w:abstractNumId w:val="1"/><w:lvlOverride w:ilvl="0"><w:startOverride w:val="7"/></w:lvlOverride></w:num>'  # noqa: E501
    path = write(tmp_path / "contract.docx", paragraphs, restarted)
    shown = as_the_office_program_numbers(path)
    assert any(re.match(r"1\.2 ", line) for line in shown)
    assert lines(read_document(path).text) == shown


@needs_office
def test_paragraphs_without_text_and_in_tables_are_counted(tmp_path: Path) -> None:
    document = docx.Document()
    document.part.numbering_part._element = numbering()
    numbered(document.add_paragraph("Term"), 1, 0)
    numbered(document.add_paragraph(""), 1, 0)
    table = document.add_table(2, 2)
    for text, cell in zip(("Rent", "400", "Fees", "31"), table._cells, strict=True):
        cell.paragraphs[0].text = text
        if text.isalpha():
            numbered(cell.paragraphs[0], 1, 0)
    numbered(document.add_paragraph("Notice"), 1, 0)
    path = tmp_path / "lease.docx"
    document.save(str(path))
    shown = [line for line in as_the_office_program_numbers(path) if line != "2."]
    read = [part.strip() for line in lines(read_document(path).text) for part in line.split("|")]
    assert read == shown == ["1. Term", "3. Rent", "400", "4. Fees", "31", "5. Notice"]


def test_a_level_may_continue_after_one_above_it(tmp_path: Path) -> None:
    path = write(tmp_path / "a.docx", [("one", 1, 0), ("article", 1, 1), ("two", 1, 0), ("article", 1, 1)])
    assert lines(read_document(path).text)[3] == "2.1 article"
    document = docx.Document(str(path))
    level = document.part.numbering_part._element.findall(".//" + docx.oxml.ns.qn("w:lvl"))[1]
    level.insert(2, parse_xml(f'<w:lvlRestart {W} w:val="0"/>'))
    document.save(str(path))
    assert lines(read_document(path).text)[3] == "2.2 article"


@needs_office
def test_lists_that_link_to_a_style_or_change_a_level_are_counted(tmp_path: Path) -> None:
    linked = (
        '<w:abstractNum w:abstractNumId="5"><w:numStyleLink w:val="Clauses"/></w:abstractNum>'
        '<w:num w:numId="5"><w:abstractNumId w:val="5"/></w:num>'
    )
    changed = (
        '<w:num w:numId="6"><w:abstractNumId w:val="1"/><w:lvlOverride w:ilvl="0"><w:lvl w:ilvl="0">'
        '<w:start w:val="4"/><w:numFmt w:val="upperLetter"/><w:lvlText w:val="Part %1"/></w:lvl></w:lvlOverride>'
        "</w:num>"
    )
    path = write(tmp_path / "a.docx", [("clause", 5, 0), ("detail", 5, 1), ("chapter", 6, 0)], linked, changed)
    document = docx.Document(str(path))
    document.styles.element.append(parse_xml(
        f'<w:style {W} w:type="numbering" w:styleId="Clauses"><w:name w:val="Clauses"/><w:pPr><w:numPr>'
        '<w:numId w:val="1"/></w:numPr></w:pPr></w:style>'
    ))  # fmt: skip
    document.save(str(path))
    shown = as_the_office_program_numbers(path)
    assert shown[:2] == lines(read_document(path).text)[:2] == ["1. clause", "1.1 detail"]
    assert lines(read_document(path).text)[2].startswith("Part ")


def test_a_paragraph_removed_from_a_list_has_no_bullet(tmp_path: Path) -> None:
    document = docx.Document()
    document.add_paragraph("plain", "List Paragraph")
    document.add_paragraph("bullet", "List Bullet")
    document.save(str(tmp_path / "a.docx"))
    assert read_document(tmp_path / "a.docx").text == "plain\n\n- bullet"


def test_a_level_may_require_digits(tmp_path: Path) -> None:
    path = write(tmp_path / "a.docx", [("term", 1, 0), ("rent", 1, 6), ("fees", 1, 7)])
    assert lines(read_document(path).text) == ["1. term", "1.A rent", "1.1 fees"]


def test_headings_are_counted_by_their_style(tmp_path: Path) -> None:
    document = docx.Document()
    root = numbering()
    for level in range(2):
        heading = document.styles[f"Heading {level + 1}"].element
        heading.get_or_add_pPr().append(parse_xml(f'<w:numPr {W}><w:numId w:val="1"/></w:numPr>'))
        link = parse_xml(f'<w:pStyle {W} w:val="{heading.get(docx.oxml.ns.qn("w:styleId"))}"/>')
        root.findall(".//" + docx.oxml.ns.qn("w:lvl"))[level].insert(2, link)
    document.part.numbering_part._element = root
    own = document.styles.add_style("Clause", 1)
    own.base_style = document.styles["Heading 2"]
    for text, style in (("Term", "Heading 1"), ("Start", "Heading 2"), ("Fees", "Heading 1"), ("Rent", "Heading 2")):
        document.add_paragraph(text, style)
        document.add_paragraph(f"About the {text.lower()}.")
    document.add_paragraph("Interest", "Clause")
    document.save(str(tmp_path / "a.docx"))
    found = read_document(tmp_path / "a.docx")
    assert [title for _, title in found.page_map.sections] == [
        "1. Term",
        "1.1 Start",
        "2. Fees",
        "2.1 Rent",
        "2.2 Interest",
    ]
    assert found.page_map.section(found.text.index("About the rent")) == "2.1 Rent"


BOX = (
    "<mc:AlternateContent xmlns:mc='http://schemas.openxmlformats.org/markup-compatibility/2006'>"
    "<mc:Choice Requires='wps'><w:drawing><w:txbxContent><w:p><w:r><w:t>In a box</w:t></w:r></w:p></w:txbxContent>"
    "</w:drawing></mc:Choice><mc:Fallback><w:pict><w:txbxContent><w:p><w:r><w:t>In a box</w:t></w:r></w:p>"
    "</w:txbxContent></w:pict></mc:Fallback></mc:AlternateContent>"
)
CONTENTS = {
    "content control": (
        "<w:sdt><w:sdtPr/><w:sdtContent><w:p><w:r><w:t>The tenant is </w:t></w:r><w:sdt><w:sdtContent>"
        "<w:r><w:t>Ms Amory</w:t></w:r></w:sdtContent></w:sdt></w:p></w:sdtContent></w:sdt>",
        "The tenant is Ms Amory",
    ),
    "tracked changes": (
        "<w:p><w:r><w:t>The rent is </w:t></w:r><w:del><w:r><w:delText>400</w:delText></w:r></w:del><w:ins><w:r>"
        "<w:t>450</w:t></w:r></w:ins></w:p>",
        "The rent is 450",
    ),
    "moved": (
        "<w:p><w:moveFrom><w:r><w:t>Twice. </w:t></w:r></w:moveFrom><w:r><w:t>Once. </w:t></w:r>"
        "<w:moveTo><w:r><w:t>Twice.</w:t></w:r></w:moveTo></w:p>",
        "Once. Twice.",
    ),
    "text box": (f"<w:p><w:r><w:t>Beside it</w:t></w:r><w:r>{BOX}</w:r></w:p>", "Beside it\n\nIn a box"),
    "tabs and breaks": (
        "<w:p><w:r><w:t>a</w:t><w:tab/><w:t>b</w:t><w:br/><w:t>c</w:t><w:noBreakHyphen/><w:t>d</w:t></w:r></w:p>",
        "a\tb\nc-d",
    ),
    "table in a table": (
        "<w:tbl><w:tr><w:tc><w:p><w:r><w:t>winter</w:t></w:r></w:p></w:tc><w:sdt><w:sdtContent><w:tc><w:tbl><w:tr><w:tc>"
        "<w:p><w:r><w:t>4</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>31</w:t></w:r></w:p></w:tc></w:tr></w:tbl><w:p/></w:tc>"
        "</w:sdtContent></w:sdt></w:tr></w:tbl>",
        "winter | 4 31",
    ),
    "sign for old programs": (
        "<w:p><w:r><mc:AlternateContent xmlns:mc='http://schemas.openxmlformats.org/markup-compatibility/2006'><mc:Choice>"
        "<w:t>once</w:t></mc:Choice><mc:Fallback><w:t>twice</w:t></mc:Fallback></mc:AlternateContent></w:r></w:p>",
        "once",
    ),
    "signs": (
        "<w:p><w:r><w:t>agreed <!-- so -->by</w:t><w:ptab/><w:sym w:font='Wingdings' w:char='F0FE'/><w:t> yes</w:t>"
        "</w:r></w:p>",
        "agreed by\t☑ yes",
    ),
    "formula": (
        "<w:p><m:oMath xmlns:m='http://schemas.openxmlformats.org/officeDocument/2006/math'><m:r><m:t>a=b</m:t></m:r>"
        "</m:oMath></w:p>",
        "a=b",
    ),
    "number without a list": (
        "<w:p><w:pPr><w:numPr><w:ilvl w:val='3'/><w:numId w:val='77'/></w:numPr></w:pPr><w:r>"
        "<w:t>Lost</w:t></w:r></w:p>",
        "Lost",
    ),
}


@pytest.mark.parametrize(("xml", "expected"), CONTENTS.values(), ids=CONTENTS.keys())
def test_every_part_of_a_document_is_read_once(tmp_path: Path, xml: str, expected: str) -> None:
    document = docx.Document()
    for block in parse_xml(f"<w:body {W}>{xml}</w:body>"):
        document.element.body.insert(len(document.element.body) - 1, block)
    document.save(str(tmp_path / "a.docx"))
    assert read_document(tmp_path / "a.docx").text == expected


def test_hidden_runs_are_left_out_with_a_notice(tmp_path: Path) -> None:
    document = docx.Document()
    by_style = document.styles.add_style("Secret", docx.enum.style.WD_STYLE_TYPE.CHARACTER)
    by_style.font.hidden = True
    based = document.styles.add_style("Based", docx.enum.style.WD_STYLE_TYPE.CHARACTER)
    based.base_style = by_style
    paragraph_style = document.styles.add_style("Notes", docx.enum.style.WD_STYLE_TYPE.PARAGRAPH)
    paragraph_style.font.hidden = True
    paragraph = document.add_paragraph("Seen.")
    paragraph.add_run(" Hidden one.").font.hidden = True
    paragraph.add_run(" Hidden two.", style="Secret")
    paragraph.add_run(" Hidden three.", style="Based")
    paragraph.add_run(" Shown.", style="Secret").font.hidden = False
    document.add_paragraph("Hidden four.", style="Notes")
    table = document.add_table(1, 1)
    table.cell(0, 0).paragraphs[0].add_run("Hidden five.").font.hidden = True
    document.save(str(tmp_path / "a.docx"))
    read = read_document(tmp_path / "a.docx")
    assert (read.text, read.notices) == ("Seen. Shown.", ("Hidden text was left out.",))


def test_runs_that_cannot_be_seen_are_left_out_with_a_notice(tmp_path: Path) -> None:
    white = docx.shared.RGBColor(255, 255, 255)
    shade = "<w:shd xmlns:w='http://schemas.openxmlformats.org/wordprocessingml/2006/main' w:val='clear' w:fill='{}'/>"
    document = docx.Document()
    ghost = document.styles.add_style("Ghost", docx.enum.style.WD_STYLE_TYPE.PARAGRAPH)
    ghost.font.color.rgb = white
    paragraph = document.add_paragraph("Seen.")
    paragraph.add_run(" White.").font.color.rgb = white
    paragraph.add_run(" Tiny.").font.size = docx.shared.Pt(1)
    paragraph.add_run(" Nearly white.").font.color.rgb = docx.shared.RGBColor(254, 253, 255)
    document.add_paragraph("White by its style.", style="Ghost")
    marked = paragraph.add_run(" Marked.")
    marked.font.color.rgb, marked.font.highlight_color = white, docx.enum.text.WD_COLOR_INDEX.BLUE
    for fill, text in (("1F3864", "On blue."), ("FFFFFF", "On white.")):
        shaded = document.add_paragraph(style="Ghost")
        shaded.add_run(text)
        shaded._p.get_or_add_pPr().append(docx.oxml.parse_xml(shade.format(fill)))
    cells = document.add_table(1, 2).rows[0].cells
    for cell, fill in zip(cells, ("1F3864", "auto"), strict=True):
        cell._tc.get_or_add_tcPr().append(docx.oxml.parse_xml(shade.format(fill)))
        cell.paragraphs[0].add_run(f"In a cell of {fill}.").font.color.rgb = white
    document.save(str(tmp_path / "a.docx"))
    read = read_document(tmp_path / "a.docx")
    assert read.text == "Seen. Marked.\n\nOn blue.\n\nIn a cell of 1F3864."
    assert read.notices == ("Hidden text was left out.",)


def test_merged_cells_are_repeated_and_header_rows_joined(tmp_path: Path) -> None:
    document = docx.Document()
    rows = [
        ["Ship", "2020", "", "Berths"], ["", "Spring", "Autumn", ""], ["Heron", "4", "6", "41"], ["", "5", "8", "44"],
        ["North", "", "", ""], ["Gull", "1", "none", ""],
    ]  # fmt: skip
    table = document.add_table(len(rows), 4)
    for at, row in enumerate(rows):
        for column, text in enumerate(row):
            table.cell(at, column).text = text
    merged = [
        ((0, 1), (0, 2)),
        ((0, 0), (1, 0)),
        ((0, 3), (1, 3)),
        ((2, 0), (3, 0)),
        ((4, 0), (4, 3)),
        ((5, 2), (5, 3)),
    ]
    for first, last in merged:
        cell = table.cell(*first).merge(table.cell(*last))
        cell.text = cell.text.strip()
    expected = [
        "Ship: Heron | 2020 Spring: 4 | 2020 Autumn: 6 | Berths: 41",
        "Ship: Heron | 2020 Spring: 5 | 2020 Autumn: 8 | Berths: 44",
        "North | Ship: Gull | 2020 Spring: 1 | 2020 Autumn: none | Berths: none",
    ]
    document.save(str(tmp_path / "a.docx"))
    assert lines(read_document(tmp_path / "a.docx").text) == expected
    for row in table.rows[:2]:
        row._tr.get_or_add_trPr().append(parse_xml(f"<w:tblHeader {W}/>"))
    document.save(str(tmp_path / "b.docx"))
    assert lines(read_document(tmp_path / "b.docx").text) == expected


def test_superscripts_change_no_number(tmp_path: Path) -> None:
    document = docx.Document()
    paragraph = document.add_paragraph("10")
    paragraph.add_run("3").font.superscript = True
    paragraph.add_run(" litres of H")
    paragraph.add_run("2").font.subscript = True
    paragraph.add_run("O in 1912")
    paragraph.add_run("a").font.superscript = True
    document.save(str(tmp_path / "a.docx"))
    assert read_document(tmp_path / "a.docx").text == "10^3 litres of H2O in 1912 [a]"


def test_the_title_of_the_properties_names_the_beginning(tmp_path: Path) -> None:
    document = docx.Document()
    document.core_properties.title = "Handbook of the club"
    document.add_paragraph("The fee is 540 crowns.")
    document.save(str(tmp_path / "a.docx"))
    assert read_document(tmp_path / "a.docx").page_map.sections == ((0, "Handbook of the club"),)


def test_what_is_said_of_a_picture_is_read(tmp_path: Path) -> None:
    said = ["red warning sign here", "Plan of the pier\n\nDescription automatically generated", "Logo"]
    document = docx.Document()
    for before, after, described in zip(("See ", "", "x"), (" here.", "", "y"), said, strict=True):
        paragraph = document.add_paragraph(before)
        run = paragraph.add_run()._r
        place = f'xmlns:wp="{PICTURES}"'
        described = described.replace("\n", "&#10;")
        run.append(
            parse_xml(
                f'<w:drawing {W}><wp:inline {place}><wp:docPr id="1" descr="{described}"/></wp:inline></w:drawing>'
            )
        )
        paragraph.add_run(after)
    document.save(str(tmp_path / "a.docx"))
    assert lines(read_document(tmp_path / "a.docx").text) == [
        "See (Picture: red warning sign here) here.", "Picture: Plan of the pier", "xy",
    ]  # fmt: skip
