"""About twenty PDF files that several programs write, with what a reader should find in each."""

import html
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from pdf_contents import ARABIC, HEBREW, Table, descriptions, figures, paragraphs, sentences
from pdf_drawn import drawn
from pdf_sample import Sample, split

CHROMIUM, OFFICE, LATEX = shutil.which("chromium"), shutil.which("soffice"), shutil.which("pdflatex")


def chromium(page: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / "page.html"
            source.write_text(page, encoding="utf-8")
            command = [str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer"]
            subprocess.run(
                [*command, f"--user-data-dir={folder}/profile", f"--print-to-pdf={path}", source.as_uri()],
                check=True, capture_output=True, timeout=180,
            )  # fmt: skip

    return write


def office(page: str, suffix: str = "html") -> Callable[[Path], None]:
    def write(path: Path) -> None:
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / f"page.{suffix}"
            source.write_text(page, encoding="utf-8")
            kind = ["--infilter=HTML (StarWriter)"] if suffix == "html" else []
            subprocess.run(
                [str(OFFICE), f"-env:UserInstallation=file://{folder}/profile", "--headless", *kind, "--convert-to",
                 "pdf", "--outdir", folder, str(source)],
                check=True, capture_output=True, timeout=180,
            )  # fmt: skip
            shutil.move(str(source.with_suffix(".pdf")), path)

    return write


def weasyprint(page: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        from weasyprint import HTML

        HTML(string=page).write_pdf(path)

    return write


def latex(body: str, options: str = "11pt", packages: str = "") -> Callable[[Path], None]:
    def write(path: Path) -> None:
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / "page.tex"
            head = rf"\documentclass[{options}]{{article}}\usepackage[T1]{{fontenc}}\usepackage{{lmodern}}{packages}"
            source.write_text(head + r"\begin{document}" + body + r"\end{document}", encoding="utf-8")
            for _ in range(2):
                subprocess.run([str(LATEX), "-interaction=batchmode", "page.tex"], cwd=folder, check=True,
                               capture_output=True)  # fmt: skip
            shutil.move(str(source.with_suffix(".pdf")), path)

    return write


def typst(source: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        import typst as compiler

        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "page.typ").write_text(source, encoding="utf-8")
            compiler.compile(str(Path(folder) / "page.typ"), output=str(path))

    return write


def page(body: str, style: str = "", direction: str = "ltr") -> str:
    return (
        f'<html dir="{direction}"><head><meta charset="utf-8"><style>{style}</style></head><body>{body}</body></html>'
    )


def html_paragraphs(texts: Sequence[str]) -> str:
    return "".join(f"<p>{html.escape(text)}</p>" for text in texts)


def html_table(table: Table, attributes: str = "") -> str:
    head = "".join(f"<th>{name}</th>" for name in table.names)
    body = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in table.rows)
    return f"<table {attributes}><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def tex_table(table: Table, kind: str, columns: str, rule: str = r"\hline") -> str:
    head = " & ".join(table.names) + rf" \\ {rule} " + (r"\endhead" if kind == "longtable" else "")
    rows = [" & ".join(row) + r" \\" for row in table.rows]
    return rf"\begin{{{kind}}}{{{columns}}} " + "\n".join([head, *rows, rf"\end{{{kind}}}"])


PROSE = "body {font: 11pt 'DejaVu Serif'; text-align: justify} @page {size: A4; margin: 25mm}"
HEADS = PROSE + "@page {@top-center {content: 'Chronicle of the harbour'} @bottom-center {content: counter(page)}}"
COLUMNS = "body {font: 9pt 'DejaVu Sans'; column-count: %d; column-gap: 8mm} h1 {column-span: all}"
RULES = "table {border-collapse: collapse} td, th {border: 1px solid black; padding: 3px}"
SPACED = "td, th {padding: 2px 12px; text-align: right} td:first-child, th:first-child {text-align: left}"


def samples() -> dict[str, Sample]:
    """Return the samples by name; programs that are missing here are left out."""
    found = {**_prose(), **_columns(), **_tables(), **_scripts(), **drawn()}
    missing = {name for name, path in (("chromium", CHROMIUM), ("libreoffice", OFFICE), ("latex", LATEX)) if not path}
    return {name: sample for name, sample in found.items() if sample.program not in missing}


def _prose() -> dict[str, Sample]:
    texts = paragraphs(30, 1)
    body = page("<h1>Chronicle</h1>" + html_paragraphs(texts), PROSE)
    headed = page("<h1>Annals</h1>" + html_paragraphs(texts), HEADS)
    typeset = '#set page(numbering: "1", header: [Chronicle of the harbour])\n#set par(justify: true)\n= Annals\n'
    return {
        "prose": Sample("chromium", chromium(body), split(texts)),
        "prose_office": Sample("libreoffice", office(body), split(texts)),
        "prose_latex": Sample("latex", latex("\n\n".join(texts)), split(texts)),
        "running_heads": Sample("weasyprint", weasyprint(headed), split(texts), (), ("Chronicle of the harbour",)),
        "running_heads_typst": Sample(
            "typst", typst(typeset + "\n\n".join(texts)), split(texts), (), ("Chronicle of the harbour",)
        ),
    }


def _columns() -> dict[str, Sample]:
    texts = paragraphs(18, 2)
    two, three = (page("<h1>Gazette</h1>" + html_paragraphs(texts), COLUMNS % count) for count in (2, 3))
    return {
        "two_columns": Sample("chromium", chromium(two), split(texts)),
        "three_columns": Sample("chromium", chromium(three), split(texts)),
        "three_columns_weasyprint": Sample("weasyprint", weasyprint(three), split(texts)),
        "two_columns_latex": Sample("latex", latex("\n\n".join(texts), "10pt,twocolumn"), split(texts)),
        "two_columns_typst": Sample("typst", typst("#set page(columns: 2)\n" + "\n\n".join(texts)), split(texts)),
    }


def _tables() -> dict[str, Sample]:
    long, short, wordy = figures(50, 3), figures(12, 4), descriptions(8, 5)
    before = "The figures are in thousand crowns."
    said = f"<p>{before}</p>"
    tall = "td, th {padding: 9px 14px}"
    narrow = "td {width: 30%; padding: 4px 10px; vertical-align: top}"
    cells = ", ".join(f"[{cell}]" for row in (long.names, *long.rows) for cell in row)
    long_latex = latex(tex_table(long, "longtable", "lrrr"), packages=r"\usepackage{longtable}")
    booktabs = tex_table(short, "tabular", "lrrr", r"\midrule")
    booktabs_latex = latex(f"{before}\n\n{booktabs}", packages=r"\usepackage{booktabs}")
    grid_latex = latex(tex_table(wordy, "tabular", "|p{2cm}|p{3cm}|p{7cm}|"))
    ruled = chromium(page(said + html_table(long), RULES + tall))
    return {
        "ruled_long": Sample("chromium", ruled, [before], [long]),
        "unruled": Sample("chromium", chromium(page(said + html_table(short), SPACED)), [before], [short]),
        "unruled_long_weasyprint": Sample("weasyprint", weasyprint(page(html_table(long), SPACED + tall)), [], [long]),
        "ruled_office": Sample("libreoffice", office(page(said + html_table(long, 'border="1"'))), [before], [long]),
        "wordy_cells": Sample("chromium", chromium(page(html_table(wordy), RULES + "td {width: 30%}")), [], [wordy]),
        "wordy_unruled": Sample("weasyprint", weasyprint(page(html_table(wordy), narrow)), [], [wordy]),
        "long_latex": Sample("latex", long_latex, [], [long]),
        "booktabs_latex": Sample("latex", booktabs_latex, [before], [short]),
        "grid_latex": Sample("latex", grid_latex, [], [wordy]),
        "table_typst": Sample("typst", typst(f"#table(columns: 4, {cells})"), [], [long]),
    }


def _scripts() -> dict[str, Sample]:
    arabic = page(html_paragraphs(ARABIC), "body {font: 14pt 'DejaVu Sans'}", "rtl")
    hebrew = page(html_paragraphs(HEBREW), "body {font: 14pt 'DejaVu Sans'}", "rtl")
    efficient = [*sentences(3, 6), "The officer offered a fluffy affidavit of the first flight."]
    return {
        "arabic": Sample("chromium", chromium(arabic), ARABIC),
        "arabic_office": Sample("libreoffice", office(arabic), ARABIC),
        "hebrew": Sample("chromium", chromium(hebrew), HEBREW),
        "hebrew_office": Sample("libreoffice", office(hebrew), HEBREW),
        "ligatures_latex": Sample("latex", latex("\n\n".join(efficient)), efficient),
    }
