"""Compare readers of PDF on files that several programs write: order of text, tables, hidden text, time and memory.

Run it with ``python benchmarks/documents/pdf_readers.py``; readers that are not installed are left out. Each reader
runs in a process of its own for each file; time and memory are those of a second reading, without the imports.
"""

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
import unicodedata
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from statistics import fmean, median

sys.path.insert(0, str(Path(__file__).parent))

import itertools

from pdf_contents import Table
from pdf_sample import Sample
from pdf_samples import samples

RESULT = Path(__file__).parents[1] / "results" / "pdf_readers.json"
PACKAGES = {
    "memorag_graph": "memorag_graph", "plain PDFium": "pypdfium2", "pdfplumber": "pdfplumber",
    "docling-parse": "docling_parse", "kreuzberg": "kreuzberg",
}  # fmt: skip


def memorag_graph(path: Path) -> str:
    from memorag_graph.documents import read_document

    return read_document(path).text


def plain_pdfium(path: Path) -> str:
    import pypdfium2

    return "\n".join(page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(path))


def pdfplumber(path: Path) -> str:
    import pdfplumber as library

    parts = []
    with library.open(path) as pdf:
        for page in pdf.pages:
            parts.append(page.extract_text() or "")
            for rows in page.extract_tables():
                parts += [" | ".join((cell or "").replace("\n", " ") for cell in row) for row in rows]
            page.close()
    return "\n".join(parts)


def docling_parse(path: Path) -> str:
    from docling_core.types.doc.page import TextCellUnit
    from docling_parse.pdf_parser import DoclingPdfParser

    document = DoclingPdfParser(loglevel="fatal").load(path_or_stream=str(path))
    pages = (page for _, page in document.iterate_pages())
    return "\n".join(cell.text for page in pages for cell in page.iterate_cells(unit_type=TextCellUnit.LINE))


def kreuzberg(path: Path) -> str:
    from kreuzberg import extract_file_sync

    result = extract_file_sync(str(path))
    return "\n".join([result.content, *(table.markdown for table in result.tables)])


READERS: dict[str, Callable[[Path], str]] = {
    "memorag_graph": memorag_graph, "plain PDFium": plain_pdfium, "pdfplumber": pdfplumber,
    "docling-parse": docling_parse, "kreuzberg": kreuzberg,
}  # fmt: skip


def plain(text: str) -> str:
    """Text for comparison: one space between words, no ligatures."""
    return re.sub(r"\s+", " ", unicodedata.normalize("NFKC", re.sub(r"[-\u00ad\ufffe]\n", "", text))).strip()


def score(text: str, sample: Sample) -> dict[str, float]:
    """Shares of the sentences that are whole, of neighbours in order, of rows kept, of rows with their names; leaks."""
    found = plain(text)
    places = [found.find(plain(sentence)) for sentence in sample.sentences]
    pairs = list(itertools.pairwise(places))
    scores: dict[str, float] = {}
    if places:
        scores["sentences"] = fmean(place >= 0 for place in places)
    if pairs:
        scores["order"] = fmean(0 <= first < second for first, second in pairs)
    rows = [(table, row) for table in sample.tables for row in table.rows]
    if rows:
        lines = [re.sub(r"\s+", " ", line) for line in text.splitlines()]
        scores["rows"] = fmean(is_row(lines, row) for _, row in rows)
        scores["named"] = fmean(is_named(lines, table, row) for table, row in rows)
    if sample.hidden:
        scores["leaks"] = fmean(plain(text) in found for text in sample.hidden)
    return scores


def is_row(lines: list[str], row: Sequence[str]) -> bool:
    """Return whether a line has the cells of a row in order, and no other row's."""
    pattern = re.compile(r"\W+(?:[\w ]+: )?".join(re.escape(cell) for cell in row))
    return any((match := pattern.search(line)) and len(line) < len(match[0]) + 60 for line in lines)


def is_named(lines: list[str], table: Table, row: Sequence[str]) -> bool:
    record = " | ".join(f"{name}: {cell}" for name, cell in zip(table.names, row, strict=True))
    return any(record in line for line in lines)


def measure(reader: str, path: Path) -> None:
    """Read a file with a reader; print text, seconds and megabytes."""
    read = READERS[reader]
    started = time.perf_counter()
    read(path)  # imports
    first = time.perf_counter() - started
    started = time.perf_counter()
    text = read(path)
    seconds = time.perf_counter() - started
    print(json.dumps({"text": text, "seconds": seconds, "first": first, "mb": peak_megabytes()}))


def peak_megabytes() -> float:
    """Return the most memory that the process has taken; not ``getrusage``, which begins with the parent's."""
    (line,) = (it for it in Path("/proc/self/status").read_text().splitlines() if it.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def run(reader: str, path: Path) -> dict[str, object]:
    command = [sys.executable, __file__, "--reader", reader, "--file", str(path)]
    finished = subprocess.run(
        command, capture_output=True, text=True, timeout=600, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    if finished.returncode:
        return {"error": finished.stderr.strip().splitlines()[-1][:300]}
    return dict(json.loads(finished.stdout.splitlines()[-1]))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--reader")
    parser.add_argument("--file", type=Path)
    parser.add_argument("--only", nargs="*", help="names of readers")
    given = parser.parse_args()
    if given.reader:
        measure(given.reader, given.file)
        return
    readers = [
        name for name, module in PACKAGES.items() if find_spec(module) and (not given.only or name in given.only)
    ]
    results: dict[str, dict[str, object]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, sample in samples().items():
            path = Path(folder) / f"{name}.pdf"
            sample.write(path)
            results[name] = {"program": sample.program, "bytes": path.stat().st_size}
            for reader in readers:
                found = run(reader, path)
                if "text" in found:
                    found |= score(str(found.pop("text")), sample)
                results[name][reader] = {
                    key: round(it, 4) if isinstance(it, float) else it for key, it in found.items()
                }
                print(name, reader, results[name][reader], flush=True)
    summary = {reader: summarized(results, reader) for reader in readers}
    described = {"summary": summary, "files": results, "machine": machine(readers)}
    RESULT.write_text(json.dumps(described, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(json.dumps(summary, indent=1))


def summarized(results: dict[str, dict[str, object]], reader: str) -> dict[str, float]:
    """Means of a reader's scores over the files that they apply to, its median time and its largest memory."""
    found = [scores for files in results.values() if isinstance(scores := files.get(reader), dict)]
    measures = ("sentences", "order", "rows", "named", "leaks")
    means = {
        name: round(fmean(it[name] for it in found if name in it), 3)
        for name in measures
        if any(name in it for it in found)
    }
    read = [it for it in found if "seconds" in it]
    return {
        **means, "refused": len(found) - len(read), "median_seconds": round(median(it["seconds"] for it in read), 4),
        "all_seconds": round(sum(it["seconds"] for it in read), 3), "largest_mb": round(max(it["mb"] for it in read)),
    }  # fmt: skip


def machine(readers: list[str]) -> dict[str, object]:
    versions = {}
    for name in readers:
        try:
            versions[name] = version(PACKAGES[name].replace("_", "-"))
        except PackageNotFoundError:
            versions[name] = "unknown"
    return {
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "versions": versions,
    }


if __name__ == "__main__":
    main()
