"""Ask many documents as one library: no language model reads them first, and answers name document and place.

python examples/library.py
"""

import re
import tempfile
from pathlib import Path

from langchain_core.documents import Document

from memorag_graph import Library

LETTERS = Path(__file__).with_name("skerrow_letters.txt")


def letters() -> list[Document]:
    """Return each letter with its year."""
    texts = re.split(r"(?m)(?=^Letter to shareholders for the year)", LETTERS.read_text(encoding="utf-8"))
    years = {int(text.partition("\n")[0][-4:]): text for text in texts if text}
    return [Document(text, metadata={"source": f"letter for {year}", "year": year}) for year, text in years.items()]


with tempfile.TemporaryDirectory() as folder:
    library = Library.open(folder)
    report = library.add(*letters())
    print(f"{len(report.added)} letters, {report.chunks} chunks, {report.seconds:.1f} s")

    question = "For how many weeks was the Garrow Bridge closed to lorries?"
    answer = library.ask(question, where={"year": {"lte": 2015}})
    print(answer.text)
    for citation in answer.citations:
        print(f"[{citation.number}] {citation.source}: {citation.quote}")
