"""HTML: rows of tables, superscripts and subscripts, hidden text; the same in e-mails and books."""

import re
from email.message import EmailMessage
from pathlib import Path

import pytest

from memorag_graph.documents import Document, read_document
from tests.test_documents import archive

pytest.importorskip("inscriptis", reason="needs pip install 'memorag-graph[documents]'")

FIELD = Path(__file__).parent / "field"
HIDDEN = ("Hidden text was left out.",)


def page(directory: Path, body: str, head: str = "") -> Document:
    path = directory / "a.html"
    path.write_text(f"<html><head><meta charset=utf-8>{head}</head><body>{body}</body></html>", encoding="utf-8")
    return read_document(path)


def lines(directory: Path, body: str) -> list[str]:
    return [line.strip() for line in page(directory, body).text.splitlines() if line.strip()]


def test_a_page_of_all_kinds_is_read_for_what_it_shows() -> None:
    document = read_document(FIELD / "hidden.html")
    text = document.text
    assert "Ship: Heron | Year: 2020 | Berths: 44\n" in text
    assert "Ship: Heron | Year: 2019 | Berths: 41\n" in text
    assert "E=mc^2 and H2O, 10^3 litres." in text
    assert "leaves at 8 and at 17 o'clock" in text
    for hidden in ("3 o'clock", "leaves at 4", "leaves at 5", "leaves at 6", "JavaScript", "secret", "display"):
        assert hidden not in text
    assert document.notices == HIDDEN
    assert text.index("8 and at 17") < text.index("Heron") < text.index("Adults pay 14 crowns.")


def test_rows_and_columns_that_a_cell_spans_each_have_it(tmp_path: Path) -> None:
    table = """<table><thead><tr><th rowspan=2>Ship</th><th colspan=2>2020</th><th colspan=2>2021</th></tr>
      <tr><th>Spring</th><th>Autumn</th><th>Spring</th><th>Autumn</th></tr></thead>
      <tr><td rowspan=2>Heron</td><td>1</td><td>2</td><td colspan=2>none</td></tr>
      <tr><td>5</td><td>6</td><td>7</td><td>8</td></tr></table>"""
    assert lines(tmp_path, table) == [
        "Ship: Heron | 2020 Spring: 1 | 2020 Autumn: 2 | 2021 Spring: none | 2021 Autumn: none",
        "Ship: Heron | 2020 Spring: 5 | 2020 Autumn: 6 | 2021 Spring: 7 | 2021 Autumn: 8",
    ]


@pytest.mark.parametrize(("table", "expected"), [
    ("<caption>Fares</caption><tr><th>Ship</th><th>Fare</th></tr><tr><td>Heron</td><td>14</td></tr>",
     ["Fares", "Ship: Heron | Fare: 14"]),
    ("<tr><th colspan=2>Fares of 2024</th></tr><tr><th>Ship</th><th>Fare</th></tr><tr><td>Heron</td><td>14</td></tr>",
     ["Fares of 2024", "Ship: Heron | Fare: 14"]),
    ("<tr><th>Phone</th><td>123</td></tr><tr><th>Fax:</th><td>456</td></tr>", ["Phone: 123", "Fax: 456"]),
    ("<tr><td>Ship</td><td>Fare</td></tr><tr><td>Heron</td><td>14</td></tr>", ["Ship: Heron | Fare: 14"]),
    ("<tr><th>Ship</th><th>Fare</th></tr><tr><td colspan=2>North</td></tr><tr><td>Heron</td><td>14</td></tr>"
     "<tr><td colspan=2>South</td></tr><tr><td>Gull</td><td>9</td></tr>",
     ["North | Ship: Heron | Fare: 14", "South | Ship: Gull | Fare: 9"]),
    ("<tr><th></th><th>2019</th></tr><tr><th>Heron</th><td>41</td></tr><tr><th>Gull</th><td>12</td></tr>",
     ["Heron | 2019: 41", "Gull | 2019: 12"]),
    ("<tfoot><tr><td>Total</td><td>2</td></tr></tfoot><tbody><tr><td>a<br>b</td><td>1</td></tr></tbody>"
     "<thead><tr><th>Ship</th><th>Count</th></tr></thead>", ["Ship: a b | Count: 1", "Ship: Total | Count: 2"]),
    ("<tr><th>Ship<th>Fare<tr><td>Heron<td><ul><li>14<li>9</ul>", ["Ship: Heron | Fare: 14 9"]),
    ("<tr><th>Ship</th><th>Fare</th></tr><tr><td rowspan=0>Heron</td><td>1</td></tr><tr><td>2</td></tr>",
     ["Ship: Heron | Fare: 1", "Ship: Heron | Fare: 2"]),
])  # fmt: skip
def test_a_table_s_rows_name_their_columns(tmp_path: Path, table: str, expected: list[str]) -> None:
    assert lines(tmp_path, f"<p>Before.</p><table>{table}</table><p>After.</p>") == ["Before.", *expected, "After."]


def test_a_table_that_lays_out_a_page_becomes_blocks(tmp_path: Path) -> None:
    inner = "<table><tr><th>Ship</th><th>Fare</th></tr><tr><td>Heron</td><td>14</td></tr></table>"
    layout = f"<table><tr><td><p>Menu</p></td><td><h2>Fares</h2><p>One. Two.</p>{inner}</td></tr></table>"
    document = page(tmp_path, layout)
    assert [line for line in document.text.splitlines() if line] == [
        "Menu", "Fares", "One. Two.", "Ship: Heron | Fare: 14",
    ]  # fmt: skip
    assert [title for _, title in document.page_map.sections] == ["Fares"]


@pytest.mark.parametrize(("html", "expected"), [
    ("10<sup>3</sup> litres", "10^3 litres"), ("x<sup>2</sup> + <i>y</i><sup>n</sup>", "x^2 + y^n"),
    ("5 m<sup>2</sup>", "5 m^2"), ("10<sup>-6</sup>", "10^-6"), ("2<sup>n+1</sup>", "2^(n+1)"),
    ("CO<sub>2</sub> and C<sub>6</sub>H<sub>12</sub>", "CO2 and C6H12"), ("T<sub>max</sub>", "T_max"),
    ("SO<sub>4</sub><sup>2-</sup>", "SO4^2-"), ("101<sub>2</sub>", "101_2"),
    ("in 1912<sup>[1]</sup> it sank", "in 1912 [1] it sank"), ("41<sup>a</sup>", "41 [a]"),
    ("1912<sup><a href='#n4'>4</a></sup>", "1912 [4]"), ("1912<a href='#n4'><sup>4</sup></a>.", "1912 [4]."),
    ("the lorries<sup>2</sup> came", "the lorries [2] came"), ("of lorries.<sup>12, 14</sup>", "of lorries. [12, 14]"),
    ("1<sup>st</sup> and 2<sup>nd</sup>", "1st and 2nd"), ("Heron<sup>TM</sup>", "Heron™"),
    ("term<sup>*</sup>", "term*"),
    ("20<sup>°</sup>C", "20°C"), ("<b>44</b><sup>b</sup>", "44 [b]"), ("a<sup>1</sup>b", "a^1b"),
    ("1912<a role='doc-noteref' href='#n'>7</a>", "1912 [7]"), ("<sup>3</sup>He", "3He"),
])  # fmt: skip
def test_superscripts_and_subscripts_change_no_number(tmp_path: Path, html: str, expected: str) -> None:
    assert page(tmp_path, f"<p>{html}</p>").text == expected


@pytest.mark.parametrize("hidden", [
    "<p hidden>H</p>", "<p style='display: none'>H</p>", "<p style='DISPLAY:NONE !important'>H</p>",
    "<p style='visibility:hidden'>H</p>", "<p style='font-size:0px'>H</p>", "<p style='opacity:0.0'>H</p>",
    "<div style='display:none'><p>H</p></div>", "<p class='x y'>H</p>", "<p id=i>H</p>", "<div class=z><p>H</p></div>",
    "<section class=w><p>H</p></section>", "<dialog>H</dialog>", "<p style='mso-hide:all'>H</p>",
    "<p style='position:absolute;left:-9999px'>H</p>", "<p style='color:#fff'>H</p>", "<font color=white>H</font>",
    "<p style='color:rgb(254, 255, 255)'>H</p>", "<p style='color:transparent'>H</p>", "<p style='color:#0000'>H</p>",
    "<p style='color:rgba(0,0,0,0)'>H</p>", "<p style='background:#123456'><b style='color:#123456'>H</b></p>",
    "<p style='font-size:1px'>H</p>", "<p style='font:0/0 a'>H</p>", "<p style='font-size:0.1em'>H</p>",
    "<p style='clip-path:inset(100%)'>H</p>", "<p style='position:absolute;clip:rect(0, 0, 0, 0)'>H</p>",
    "<div style='height:0;overflow:hidden'><p>H</p></div>", "<p style='width:0px;overflow:hidden'>H</p>",
    "<p style='text-indent:-9999px'>H</p>", "<p style='transform:scale(0)'>H</p>", "<p class=pale>H</p>",
    "<div style='font-size:0'>H<p style='font-size:12px'></p></div>",
    "<table><tr><th>A</th><th>B</th></tr><tr style='display:none'><td>H</td><td>1</td></tr></table>",
])  # fmt: skip
def test_hidden_text_is_left_out_with_a_notice(tmp_path: Path, hidden: str) -> None:
    style = "<style>/* } */ .x.y, #i {color: red; display:none} @media screen {.z > p {visibility: hidden}}</style>"
    style += "<style>.pale {color: white; background: transparent}</style>"
    style += "<style type='text/css'><!-- @supports (a:b) { section.w p {font-size:0} } --></style>"
    document = page(tmp_path, f"<p>Seen.</p>{hidden}Tail.", style)
    assert re.sub(r"\s+", " ", document.text.replace("A | B", "")) == "Seen. Tail."
    assert document.notices == HIDDEN


@pytest.mark.parametrize("shown", [
    "<p aria-hidden=true>S</p>", "<p hidden=until-found>S</p>", "<p class=a>S</p>", "<p class='x b'>S</p>",
    "<details><summary>S</summary></details>", "<dialog open>S</dialog>", "<p class=x style='display:block'>S</p>",
    "<p class=m>S</p>", "<p class=q>S</p>", "<p hidden class=a style='display:block'>S</p>",
    "<p style='opacity:.5'>S</p>",
    "<p class=bad>S</p>", "<p style='font-size:10px'>S</p>", "<p style='color:#fff;background:#003'>S</p>",
    "<div style='font-size:0'><p style='font-size:12px'>S</p></div>", "<p style='color:white;background:navy'>S</p>",
    "<div bgcolor=black><font color=white>S</font></div>", "<p class=k style='color:white'>S</p>",
    "<div style='background:url(sea.png)'><p style='color:#fff'>S</p></div>", "<p style='height:0'>S</p>",
    "<div style='position:absolute'><p style='color:#fff'>S</p></div>", "<button style='color:#fff'>S</button>",
    "<p style='color:transparent;background-clip:text'>S</p>",
    "<div style='color:white'><p style='color:red'>S</p></div>",
    "<p style='color:#fff;text-shadow:1px 1px black'>S</p>", "<p style='color:#eee'>S</p>", "<p class=n>S</p>",
])  # fmt: skip
def test_text_that_is_shown_is_kept(tmp_path: Path, shown: str) -> None:
    style = """<style>.a{display:none} .a{display:block} .x{display:none} .x.b{display:flex}
      @media (max-width: 9px) {.m{display:none}} @media print {.q{display:none}} .bad:::y{display:none}
      .k{background-color:#102030} @media (prefers-color-scheme: dark) {.n{color:#fff}}</style>"""
    document = page(tmp_path, shown, style)
    assert (document.text, document.notices) == ("S", ())


@pytest.mark.parametrize("head", [
    "<link rel=stylesheet href=dark.css>", "<style>@import 'dark.css';</style>",
    "<style>p:first-child{background:red}</style>",
    "<meta name=color-scheme content='light dark'>", "<style>body{background:#222}</style>",
])  # fmt: skip
def test_text_whose_background_is_not_known_to_be_white_is_kept(tmp_path: Path, head: str) -> None:
    document = page(tmp_path, "<p style='color:white'>Seen.</p><p>Black.</p>", head)
    assert document.text.startswith("Seen.")


def test_scripts_templates_and_what_is_for_browsers_without_scripts_are_no_text(tmp_path: Path) -> None:
    body = "<script>a</script><template><p>b</p></template><noscript>c</noscript><p>Seen.</p><!-- d -->"
    document = page(tmp_path, body)
    assert (document.text, document.notices) == ("Seen.", ())


def test_emails_and_books_are_read_in_the_same_way(tmp_path: Path) -> None:
    html = "<p>10<sup>3</sup></p><p style='display:none'>Hidden.</p>"
    rows = "<tr><td rowspan=2>Heron</td><td>1</td></tr><tr><td>2</td></tr>"
    html += f"<table><tr><th>Ship</th><th>Fare</th></tr>{rows}</table>"
    message = EmailMessage()
    message["Subject"], message["From"] = "Fares", "a@example.org"
    message.set_content(html, subtype="html")
    (tmp_path / "a.eml").write_bytes(bytes(message))
    book = archive({
        "META-INF/container.xml": b'<c><rootfile full-path="p.opf"/></c>',
        "p.opf": b'<p><item id="a" href="a.html" media-type="text/html"/><itemref idref="a"/></p>',
        "a.html": html.encode(),
    })  # fmt: skip
    for path in (tmp_path / "a.eml", book(tmp_path / "a.epub")):
        document = read_document(path)
        assert document.text.endswith("10^3\n\nShip: Heron | Fare: 1\nShip: Heron | Fare: 2")
        assert document.notices == HIDDEN


@pytest.mark.parametrize("table", [
    "<center><tr><td>A</td><td>B</td></tr><tr><td>1</td><td>2</td></tr></center>",
    "<p>Seen.</p><tr><td>A</td><td>B</td></tr><tr><td>1</td><td>2</td></tr>",
    "<tr><td>A</td><td>B</td></tr><tr><td>1</td><td>2</td></tr>Seen.",
    "<tr><td>A</td><td>B</td></tr><form><tr><td>1</td><td>2</td></tr></form>",
])  # fmt: skip
def test_nothing_of_a_table_is_lost(tmp_path: Path, table: str) -> None:
    text = page(tmp_path, f"<table>{table}</table>").text
    words = ["A", "B", "1", "2", *(["Seen."] if "Seen." in table else [])]
    assert all(text.count(word) == 1 for word in words)


def test_the_title_of_a_page_names_its_beginning_unless_a_heading_does(tmp_path: Path) -> None:
    page = tmp_path / "a.html"
    page.write_text("<title>Bakery &amp; mill</title><h2>Opening</h2><p>From six.</p>", encoding="utf-8")
    document = read_document(page)
    assert document.text == "Opening\n\nFrom six."
    assert document.page_map.sections == ((0, "Bakery & mill"), (0, "Opening"))
    page.write_text("<title>opening</title><h2>Opening</h2><p>From six.</p>", encoding="utf-8")
    assert read_document(page).page_map.sections == ((0, "Opening"),)


def test_a_page_that_nests_too_deeply_says_so(tmp_path: Path) -> None:
    document = page(tmp_path, "<p>Seen.</p>" + "<div>" * 300 + "x" + "</div>" * 300)
    assert "nested too deeply" in document.notices[0]
    assert page(tmp_path, "<p>Seen.</p>" + "<div>" * 100 + "x").notices == ()


def test_a_term_stands_before_its_description_unless_either_has_several_or_is_long(tmp_path: Path) -> None:
    body = f"""<dl><dt>Operator</dt><dd>Westbahn <b>AG</b></dd><dt>Length:</dt><dd>9.4 km</dd>
    <div><dt>Gauge</dt><dd>one metre</dd></div>
    <dt>Pets</dt><dd>Dogs.</dd><dd>Cats.</dd><dt>Lunch</dt><dt>Dinner</dt><dd>On request.</dd>
    <dt>House rules</dt><dd>{"Be quiet. " * 30}</dd><dt>Rooms</dt><dd><ul><li>One</li></ul></dd></dl>"""
    assert lines(tmp_path, body) == [
        "Operator: Westbahn AG", "Length: 9.4 km", "Gauge: one metre", "Pets", "Dogs.", "Cats.", "Lunch", "Dinner",
        "On request.", "House rules", ("Be quiet. " * 30).strip(), "Rooms", "* One",
    ]  # fmt: skip


def test_definitions_stand_apart_and_deleted_text_is_left_out_with_a_notice(tmp_path: Path) -> None:
    page = tmp_path / "a.html"
    page.write_text(
        "<!doctype html><dl><dt>Luggage<dd>Two bags.<dt>Bicycles<dd>Only in summer.</dl>"
        "<p>Ask <del>Mr Holt</del><ins>Ms Rye</ins>, room 12<del>15</del>.</p>"
    )
    document = read_document(page)
    assert [line for line in document.text.splitlines() if line] == [
        "Luggage: Two bags.", "Bicycles: Only in summer.", "Ask Ms Rye, room 12.",
    ]  # fmt: skip
    assert document.notices == ("Text that is marked as deleted was left out.",)


def test_what_a_page_says_of_a_picture_is_read_in_its_place(tmp_path: Path) -> None:
    body = """<p>See the <img src="a" alt="red warning sign here"> icon.</p>
    <figure><img src="b" alt="Plan of the pier in the east"><figcaption>Figure 1</figcaption></figure>
    <p><img src="c" alt="Logo"> <img src="d" alt="scan of page.png"></p>
    <p hidden><img src="e" alt="Plan of the secret pier"></p>
    <table><tr><th>Test</th><th>Done</th></tr>
    <tr><td>Pump</td><td><img src="f" alt="green tick mark"></td></tr></table>"""
    assert lines(tmp_path, body) == [
        "See the (Picture: red warning sign here) icon.",
        "Picture: Plan of the pier in the east",
        "Figure 1",
        "Test: Pump | Done: Picture: green tick mark",
    ]


@pytest.mark.parametrize("hidden", [(2,), (1,), (1, 2)])
def test_a_hidden_row_does_not_push_the_rows_below_aside(tmp_path: Path, hidden: tuple[int, ...]) -> None:
    guests = (("Adult", 18), ("Child", 7), ("Member", 1))
    rows = []
    for at, (guest, price) in enumerate(guests):
        spanning = "" if at else "<td rowspan=3>Salt</td>"
        rows.append(f"<tr{' hidden' if at in hidden else ''}>{spanning}<td>{guest}</td><td>{price}</td>")
    head = "<tr><th>Bath</th><th>Guest</th><th>Price</th></tr>"
    more = "<tr><td rowspan=2>Steam</td><td>Adult</td><td>23</td></tr><tr><td>Child</td><td>11</td></tr>"
    shown = [f"Bath: Salt | Guest: {it} | Price: {price}" for at, (it, price) in enumerate(guests) if at not in hidden]
    steam = ["Bath: Steam | Guest: Adult | Price: 23", "Bath: Steam | Guest: Child | Price: 11"]
    assert lines(tmp_path, f"<table>{head}{''.join(rows)}{more}</table>") == shown + steam
