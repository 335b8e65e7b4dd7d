"""Ask each file a question about its table and one about its text, and check the answers and citations."""

import random
from typing import Any

from samples import WORDINGS
from written_files import Written

from memorag_graph.documents import Document
from memorag_graph.graph import build_graph
from memorag_graph.registry import Registry
from memorag_graph.settings import RunOptions


class Asker:
    """Answers by lookup with the embedded pair; memories are made with short gists, which lookups do not read."""

    def __init__(self) -> None:
        self._registry = Registry()
        self._graph = build_graph(self._registry)
        self._options = RunOptions(model="embedded", gist_tokens=16, gist_chunk_size=1024)

    def ask(self, document: Document, written: Written) -> dict[str, Any]:
        """Return whether the answers are right, and how many citations are false.

        The answer about the table is right if it holds the cell and the name of its row. The one about the text is
        right if it quotes the sentence with the figure. A citation is false if the text does not contain it at its
        offsets, or no reader sees it.
        """
        given, chance = written.sample, random.Random(written.path.name)
        opened = self._registry.memorize([document], self._options)
        found: dict[str, Any] = {"false_citations": 0}
        if "table" in written.parts:
            row, column = chance.choice(given.rows), chance.randrange(1, len(given.columns))
            question = WORDINGS[given.language].cell.format(given.columns[column], row[0])
            result = self._ask(opened.memory.id, question)
            found["answer_table"] = float(row[column] in result["answer"] and row[0] in result["answer"])
            found["false_citations"] += _false(result, document, given.hidden)
        if "text" in written.parts:
            sentence = chance.choice(given.sentences)
            result = self._ask(opened.memory.id, f"{sentence[:-1]}?")
            found["answer_text"] = float(any(sentence in " ".join(it["quote"].split()) for it in result["citations"]))
            found["false_citations"] += _false(result, document, given.hidden)
        return found

    def _ask(self, memory_id: str, question: str) -> dict[str, Any]:
        given = {"memory_id": memory_id, "query": question, "task_type": "lookup"}
        result: dict[str, Any] = self._graph.invoke(given, context=self._options)  # type: ignore[call-overload]
        return result


def _false(result: dict[str, Any], document: Document, hidden: str) -> int:
    quotes = [(it["quote"], document.text[it["start"] : it["end"]]) for it in result["citations"]]
    return sum(quote != text or hidden in quote for quote, text in quotes)
