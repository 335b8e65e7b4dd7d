"""XML of any vocabulary: records, paragraphs, headings, tables; entities are not expanded."""

from pathlib import Path

import pytest

from memorag_graph.documents import Document, read_document
from memorag_graph.errors import InputError

pytest.importorskip("lxml", reason="needs pip install 'memorag-graph[documents]'")


def read(directory: Path, body: str, head: str = '<?xml version="1.0"?>') -> Document:
    (directory / "a.xml").write_text(head + body, encoding="utf-8")
    return read_document(directory / "a.xml")


@pytest.mark.parametrize(("body", "expected"), [
    ("<all><s id='7'><name>Berg</name><city>Leeds</city></s><s id='8'><name>Holm</name><city>York</city></s></all>",
     ["id: 7 | name: Berg | city: Leeds", "id: 8 | name: Holm | city: York"]),
    ("<all><item sku='a' count='3'/><item sku='b' count='4'/></all>", ["sku: a | count: 3", "sku: b | count: 4"]),
    ("<book xmlns='urn:x'><title>Fares</title><para>Adults pay <emph>14</emph> crowns.</para>"
     "<para>10<sup>3</sup></para></book>",
     ["Fares", "Adults pay 14 crowns.", "10^3"]),
    ("<b><para>It sank.<footnote><para>In 1912.</para></footnote> Then</para></b>", ["It sank. Then", "In 1912."]),
    ("<b><p>x</p><table><tr><th>Ship</th><th>Fare</th></tr><tr><td rowspan='2'>Heron</td><td>1</td></tr>"
     "<tr><td>2</td></tr>"
     "</table></b>", ["x", "Ship: Heron | Fare: 1", "Ship: Heron | Fare: 2"]),
    ("<html><body><p hidden=''>no</p><p>yes</p></body></html>", ["yes"]),
    ("<svg xmlns='http://www.w3.org/2000/svg'><path d='M0 0'/><text>Pier <tspan>east</tspan></text></svg>",
     ["Pier east"]),
    ("<depots><depot name='Leeds'><stock><item>a</item><count>4</count></stock></depot></depots>",
     ["name: Leeds", "item: a | count: 4"]),
])  # fmt: skip
def test_elements_become_records_and_paragraphs(tmp_path: Path, body: str, expected: list[str]) -> None:
    assert [line for line in read(tmp_path, body).text.splitlines() if line] == expected


def test_entities_are_not_expanded(tmp_path: Path) -> None:
    levels = "".join(f'<!ENTITY l{at} "{f"&l{at - 1};" * 10}">' for at in range(1, 12))
    outside = '<!ENTITY f SYSTEM "file:///etc/hostname">'
    body = f'<!DOCTYPE a [<!ENTITY l0 "lol">{levels}{outside}]><a><b>x &l11;</b><c>&f;</c></a>'
    try:
        assert len(read(tmp_path, body).text) < 100
    except InputError as error:
        assert "damaged" in str(error)  # noqa: PT017 - either is right


@pytest.mark.parametrize("body", ["<a>", "<a></b>", "plain", "<a>&x;</a>" * 2])
def test_damaged_files_are_refused(tmp_path: Path, body: str) -> None:
    with pytest.raises(InputError, match="damaged"):
        read(tmp_path, body)


def test_a_file_is_read_in_its_encoding_or_the_given_one(tmp_path: Path) -> None:
    text = "<a><b>Паром</b><c>отчалил</c></a>"
    (tmp_path / "a.xml").write_bytes(f'<?xml version="1.0" encoding="windows-1251"?>{text}'.encode("cp1251"))
    assert read_document(tmp_path / "a.xml").text == "b: Паром | c: отчалил"
    (tmp_path / "a.xml").write_bytes(f'<?xml version="1.0"?>{text}'.encode("cp1251"))
    assert read_document(tmp_path / "a.xml", encoding="cp1251").text == "b: Паром | c: отчалил"


@pytest.mark.parametrize("encoding", ["mac_roman", "cp037", "utf-16-le"])
def test_an_encoding_that_only_python_knows_may_be_given(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "a.xml").write_bytes('<?xml version="1.0" encoding="ascii"?><a><b>Café</b></a>'.encode(encoding))
    assert read_document(tmp_path / "a.xml", encoding=encoding).text == "b: Café"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_decides_over_a_given_encoding(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "a.xml").write_bytes('<?xml version="1.0"?><a><b>Café</b></a>'.encode(encoding))
    assert read_document(tmp_path / "a.xml", encoding="cp1252").text == "b: Café"


@pytest.mark.parametrize("name", ["a.html", "a.xhtml", "a.xml", "a.txt"])
def test_a_page_that_is_no_well_formed_xml_is_read_as_html(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text('<?xml version="1.0"?>\n<HTML><p>One<br>two &copy; &nbsp;<p>three</HTML>')
    assert read_document(tmp_path / name).text.split() == ["One", "two", "©", "three"]


@pytest.mark.parametrize("name", ["a.txt", "a.log"])
def test_a_text_that_only_begins_as_xml_is_read_as_plain_text(tmp_path: Path, name: str) -> None:
    text = '<?xml version="1.0"?><request/>\nThe reply came 3 seconds later.\n'
    (tmp_path / name).write_text(text)
    document = read_document(tmp_path / name)
    assert (document.text, document.notices) == (text, ("It is no well-formed XML and was read as plain text.",))


def test_a_table_within_a_cell_is_read_once(tmp_path: Path) -> None:
    inner = "<table><tr><td>44</td><td>pallets</td></tr></table>"
    text = read(tmp_path, f"<doc><p>Text.</p><table><tr><td>Leeds</td><td>{inner}</td></tr></table></doc>").text
    assert (text.count("44"), text.count("pallets"), text.count("Leeds")) == (1, 1, 1)
