"""Tables whose cells the tags of a PDF name, as browsers write them."""

from pathlib import Path

import pytest

from memorag_graph.documents import read_document
from tests.pdf_files import CHROMIUM, printed

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")

FARES = """<table><caption>Fares in crowns</caption><tr><th rowspan=2>Route</th><th colspan=2>Deck seat</th>
<th colspan=2>Cabin</th></tr><tr><th>One way</th><th>Both ways</th><th>One way</th><th>Both ways</th></tr>
<tr><td>Hamar</td><td>41</td><td>72</td><td>96</td><td>161</td></tr>
<tr><td>Vardo</td><td>36</td><td>61</td><td colspan=2>no cabins</td></tr>
<tr><td rowspan=2>Bergen</td><td>33</td><td>54</td><td>84</td><td>144</td></tr>
<tr><td>34</td><td></td><td>85</td><td>145</td></tr></table>"""
STYLES = [
    "padding: 0 3px",
    "text-align: right",
    "text-align: left; padding: 4px 10px",
    "padding: 5px 12px; font: 10pt sans",
]


@pytest.mark.parametrize("style", STYLES)
def test_cells_that_span_rows_and_columns_of_a_browser_s_table_stand_in_each(tmp_path: Path, style: str) -> None:
    page = f"<meta charset=utf-8><style>td, th {{{style}}}</style><p>The pier is old.</p>{FARES}<p>Dogs pay half.</p>"
    lines = read_document(printed(tmp_path / "fares.pdf", page)).text.split("\n")
    names = ("Route", "Deck seat One way", "Deck seat Both ways", "Cabin One way", "Cabin Both ways")
    rows = [
        ("Hamar", "41", "72", "96", "161"),
        ("Vardo", "36", "61", "no cabins", "no cabins"),
        ("Bergen", "33", "54", "84", "144"),
        ("Bergen", "34", "", "85", "145"),
    ]
    said = [" | ".join(f"{name}: {it}" for name, it in zip(names, row, strict=True) if it) for row in rows]
    texts = ["The pier is old.", "Fares in crowns", *said, "Dogs pay half."]
    assert [line for line in lines if line] == texts


def test_a_browser_s_table_over_pages_keeps_its_names(tmp_path: Path) -> None:
    rows = [(f"Town {at}", f"Ida Moss {at}", str(7 * at)) for at in range(70)]
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    table = f"<table><thead><tr><th>Place<th>Keeper<th>Boats</tr></thead>{body}</table>"
    style = "<style>td, th {text-align: right; padding: 4px 0}</style>"
    lines = read_document(printed(tmp_path / "towns.pdf", f"<meta charset=utf-8>{style}{table}")).text.split("\n")
    said = [f"Place: {town} | Keeper: {keeper} | Boats: {boats}" for town, keeper, boats in rows]
    assert [line for line in lines if line] == said


@pytest.mark.parametrize("above", [1, 3])
def test_names_that_are_repeated_on_each_page_have_the_contents_of_their_own_page(tmp_path: Path, above: int) -> None:
    names = ("Lock", "Rise (m)", "Gates", "Fish (%)")
    rows = [(f"Ash {at}", str(7 * at), str(100 + at), f"{at / 10}") for at in range(60)]
    cells = "".join(f"<tr>{''.join(f'<td>{cell}' for cell in row)}" for row in rows)
    notes = [f"Note {at} is about locks." for at in range(above)]
    page = (
        f"<meta charset=utf-8>{''.join(f'<p>{note}' for note in notes)}"
        f"<table><thead><tr>{''.join(f'<th>{name}' for name in names)}</thead><tbody>{cells}</table>"
    )
    lines = read_document(printed(tmp_path / "locks.pdf", page)).text.split("\n")
    said = [" | ".join(f"{name}: {it}" for name, it in zip(names, row, strict=True)) for row in rows]
    assert [line for line in lines if line] == [*notes, *said]


def test_text_beside_one_of_two_tables_of_a_browser_is_a_column(tmp_path: Path) -> None:
    fish = "<table><tr><th>Pond<th>Carp<tr><td>Mill<td>12<tr><td>Abbey<td>30<tr><td>Moor<td>5</table>"
    page = (
        "<meta charset=utf-8><div style='float: right; width: 30%'>The monks kept carp. They sold them at Lent.</div>"
        f"{fish}<p>Boats:</p><table><tr><th>Boat<th>Seats<th>Fee<tr><td>Ida<td>4<td>9</table>"
    )
    text = read_document(printed(tmp_path / "ponds.pdf", page)).text
    assert "They sold them at Lent." in " ".join(text.split())
    for row in ("Pond: Mill | Carp: 12", "Pond: Moor | Carp: 5", "Boat: Ida | Seats: 4 | Fee: 9"):
        assert row in text.split("\n")
