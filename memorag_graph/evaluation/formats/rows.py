"""Read and validate JSON lines; errors name file, line and field."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from memorag_graph.documents import clean_text
from memorag_graph.errors import InputError
from memorag_graph.evaluation.dataset import KINDS, Kind, Question, Span, union


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a file.

    Attributes:
        path: The file.
        line: Line number, from 1.
        values: The JSON object.
    """

    path: Path
    line: int
    values: Mapping[str, Any]

    def fault(self, field: str, message: str) -> InputError:
        """Return the error for a field of this line."""
        return InputError(field, f"{self.path}, line {self.line}: {message}")

    def text(self, field: str, *, may_be_empty: bool = False) -> str:
        """Return a text field.

        Raises:
            InputError: If it is missing, not a text, or empty.
        """
        value = self._present(field)
        if not isinstance(value, str):
            raise self.fault(field, f"must be a text, not {_shown(value)}")
        if not may_be_empty and not value.strip():
            raise self.fault(field, "is empty")
        return clean_text(value)

    def texts(self, field: str) -> tuple[str, ...]:
        """Return a field that is a text or a list of texts, without empty texts.

        Raises:
            InputError: If it is missing or has another type.
        """
        value = self._present(field)
        listed = [value] if isinstance(value, str) else value
        if not isinstance(listed, list) or not all(isinstance(text, str) for text in listed):
            raise self.fault(field, f"must be a text or a list of texts, not {_shown(value)}")
        return tuple(clean_text(text) for text in listed if text.strip())

    def items(self, field: str) -> list[Any]:
        """Return a field that must be a list.

        Raises:
            InputError: If it is missing or not a list.
        """
        value = self._present(field)
        if not isinstance(value, list):
            raise self.fault(field, f"must be a list, not {_shown(value)}")
        return value

    def span(self, field: str, value: object, text: str) -> Span:
        """Read a pair of offsets into a document's text.

        Raises:
            InputError: If it is not such a pair, or outside the document.
        """
        match value:
            case [int(start), int(end)] if not isinstance(start, bool) and not isinstance(end, bool):
                pass
            case _:
                raise self.fault(field, f"must be a list of [start, end] in characters, not {_shown(value)}")
        if not 0 <= start < end <= len(text):
            raise self.fault(field, f"[{start}, {end}] is outside the document, which has {len(text)} characters")
        return start, end

    def kind(self) -> Kind:
        """Return the kind of the question.

        Raises:
            InputError: If it is missing or unknown.
        """
        value = self._present("kind")
        for kind in KINDS:
            if value == kind:
                return kind
        raise self.fault("kind", f"{value!r} is unknown; choose from {', '.join(KINDS)}")

    def _present(self, field: str) -> Any:  # noqa: ANN401 - whatever JSON holds
        if field not in self.values:
            raise self.fault(field, "is missing")
        return self.values[field]


def read_rows(path: Path) -> Iterator[Row]:
    """Yield the JSON objects of a file, one per line, skipping blank lines.

    Raises:
        InputError: If the file cannot be read, or a line is not a JSON object.
    """
    try:
        lines = clean_text(path.read_text(encoding="utf-8")).split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("dataset", f"{path} cannot be read ({error})") from None
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                values = json.loads(line)
            except json.JSONDecodeError as error:
                raise InputError("dataset", f"{path}, line {number}: is not valid JSON ({error})") from None
            if not isinstance(values, dict):
                raise InputError("dataset", f"{path}, line {number}: must be a JSON object, not {_shown(values)}")
            yield Row(path, number, values)


class Questions:
    """Validated questions of a data set: each has a unique id and a reference to score against, or is unanswerable.

    Attributes:
        checked: The questions, in the order in which they were added.
    """

    def __init__(self) -> None:
        self._lines: dict[str, int] = {}
        self.checked: list[Question] = []

    def add(
        self,
        row: Row,
        id_field: str,
        document_id: str,
        query: str,
        answers: tuple[str, ...],
        spans: list[Span],
        kind: Kind,
    ) -> None:
        """Validate and add a question.

        Raises:
            InputError: If its id is taken, it has nothing to score against, or it contradicts its kind.
        """
        name = row.text(id_field)
        if name in self._lines:
            raise row.fault(id_field, f"{name!r} is also the id of line {self._lines[name]}")
        self._lines[name] = row.line
        if kind == "unanswerable":
            if answers or spans:
                raise row.fault("kind", "an unanswerable question has neither answer nor evidence")
        elif not (answers or spans):
            raise row.fault(
                "answer", 'there is nothing to score against; give an answer or evidence, or kind "unanswerable"'
            )
        self.checked.append(Question(name, document_id, query, answers, union(spans), kind))


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) < 60 else f"{text[:57]}..."
