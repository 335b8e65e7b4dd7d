"""LaTeX is read for what it prints."""

from pathlib import Path

import pytest

from memorag_graph.documents import Document, read_document


def read(tmp_path: Path, text: str) -> Document:
    (tmp_path / "a.tex").write_text(text, encoding="utf-8")
    return read_document(tmp_path / "a.tex")


def test_sections_are_known_and_the_preamble_is_no_text(tmp_path: Path) -> None:
    document = read(
        tmp_path,
        r"\documentclass[11pt]{article}\usepackage{x}\newcommand{\kiln}[1]{old #1}\title{The \emph{kiln}}"
        "\n" r"\begin{document}\maketitle % a comment" "\n"
        r"\section*{Heat}\label{s} The kiln reaches 1\,280 degrees,\footnote{By day.} see~\ref{s}."
        "\n\n" r"\emph{Slow} cooling % gone" "\n" r"takes 5\% longer \& more.\end{document} after",
    )  # fmt: skip
    assert document.text == (
        "The kiln\n\nHeat\n\nThe kiln reaches 1 280 degrees, (By day.) see .\n\nSlow cooling takes 5% longer & more."
    )
    assert [title for _, title in document.page_map.sections] == ["The kiln", "Heat"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (r"\begin{itemize}\item One \item[Two] three\end{itemize}", "- One\n\n- Two three"),
        (r"K\"oln, caf\'{e}, \c{c}a, stra\ss e, \textbf{na\"{\i}ve}", "Köln, café, ça, straße, naïve"),
        (
            r"\begin{tabular}{l{2}r}\toprule Ship & Crew\\ \midrule Heron & 41\\[2pt]"
            r" Tern & \textbf{9}\\\bottomrule\end{tabular}",
            "Ship: Heron | Crew: 41\nShip: Tern | Crew: 9",
        ),
        ("\\def\\labelenumi{\\arabic{enumi}.}\\hypertarget{a}{%\n\\section{A}\\label{a}}", "A"),
        (r"\begin{verbatim}\x{1} % kept\end{verbatim}", r"\x{1} % kept"),
        (r"\begin{comment}gone\end{comment}Seen.", "Seen."),
        (r"\href{https://x.y}{A link} of $10^3$ m", "A link of 10^3 m"),
        ("}}{{ odd \\", "odd"),
    ],
)
def test_commands_become_what_they_print(tmp_path: Path, body: str, expected: str) -> None:
    assert read(tmp_path, body).text == expected
