"""Small files of the formats that hold tables, slides, data and messages, to mutate."""

import json
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from tests.ole_writer import attachment, message, write_ole


def _rows(words: str) -> list[list[str]]:
    return [["Number", "Word"], *([str(at), word] for at, word in enumerate(words.split()))]


def _csv(path: Path, words: str) -> None:
    path.write_text("\n".join(",".join(row) for row in _rows(words)))


def _json(path: Path, words: str) -> None:
    rows = [{"number": at, "word": {"text": word}, "tags": [1, None]} for at, word in enumerate(words.split())]
    path.write_text("\n".join(map(json.dumps, rows)) if path.suffix == ".jsonl" else json.dumps({"rows": rows}))


def _notebook(path: Path, words: str) -> None:
    output = {"output_type": "display_data", "data": {"text/html": f"<table><tr><td>{words}</table>"}}
    cells = [{"cell_type": "markdown", "source": ["# A\n", words]}, {"cell_type": "code", "outputs": [output]}]
    path.write_text(json.dumps({"cells": cells, "nbformat": 4}))


def _subtitles(path: Path, words: str) -> None:
    cues = (
        f"{at}\n00:00:{at % 60:02},000 --> 00:00:{at % 60:02},900\n<i>ANN: {it}</i>\n"
        for at, it in enumerate(words.split())
    )
    path.write_text("\n".join(cues))


def _rtf(path: Path, words: str) -> None:
    row = r"\trowd\clvmgf\cellx1\cellx2 \intbl a\cell b\cell\row "
    fonts = r"{\fonttbl{\f0\fcharset204 A;}}{\stylesheet{\s1 heading 1;}}"
    path.write_text(
        rf"{{\rtf1\ansi{fonts}\s1 Head\par\pard {words}{{\v x}}\u321?\'e9{{\super 2}}{{\footnote n}}\par {row}}}"
    )


def _xml(path: Path, words: str) -> None:
    path.write_text(f'<?xml version="1.0"?><a><b id="1"><c>{words[:50]}</c><d>x</d></b><p>{words}<sup>2</sup></p></a>')


def _xlsx(path: Path, words: str) -> None:
    import openpyxl

    book = openpyxl.Workbook()
    for row in [[None, "Title"], *_rows(words), [datetime(2024, 1, 2), 0.5]]:
        book.active.append(row)
    book.active.merge_cells("B1:C1")
    book.active.row_dimensions[3].hidden = True
    book.save(path)


def _pptx(path: Path, words: str) -> None:
    import pptx

    show = pptx.Presentation()
    slide = show.slides.add_slide(show.slide_layouts[1])
    slide.shapes.title.text, slide.placeholders[1].text = "Title", words
    slide.shapes.add_table(2, 2, 0, 0, 9, 9).table.cell(0, 0).text = "a"
    slide.notes_slide.notes_text_frame.text = "note"
    show.save(str(path))


def _odt(path: Path, words: str) -> None:
    spaces = {"office": "office", "text": "text", "table": "table"}
    declared = " ".join(f'xmlns:{it}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for it, name in spaces.items())
    cell = "<table:table-cell table:number-columns-repeated='2'><text:p>x</text:p></table:table-cell>"
    row = f"<table:table-row table:number-rows-repeated='9'>{cell}</table:table-row>"
    table = f"<table:table table:name='t'>{row}</table:table>"
    kind, body = (
        ("text", f"<text:h>A</text:h><text:p>{words}</text:p>{table}")
        if path.suffix == ".odt"
        else ("spreadsheet", table)
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", f"application/vnd.oasis.opendocument.{kind}")
        archive.writestr("content.xml", (
            f"<office:document-content {declared}><office:body><office:{kind}>{body}</office:{kind}></office:body>"
            "</office:document-content>"
        ))  # fmt: skip


def _msg(path: Path, words: str) -> None:
    inner = message({"0037": "Inner", "1013": f"<p>{words}</p>".encode()}, inner=True)
    files = [attachment({"3707": "a.txt"}), attachment({}, inner)]
    write_ole(path, message({"0037": "Subject", "0C1A": "Ann", "1000": words}, files, datetime(2024, 1, 2, tzinfo=UTC)))


FORMATS: dict[str, Callable[[Path, str], None]] = {
    "csv": _csv, "json": _json, "jsonl": _json, "ipynb": _notebook, "srt": _subtitles, "rtf": _rtf, "xml": _xml,
    "xlsx": _xlsx, "pptx": _pptx, "odt": _odt, "ods": _odt, "msg": _msg,
}  # fmt: skip
"""Writers of a file by suffix."""
