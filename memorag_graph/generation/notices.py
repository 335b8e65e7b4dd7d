"""Report what is wrong with an answer: codes for programs, notices for readers."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from memorag_graph.generation.answer import Citation, Conflict, Fault
from memorag_graph.generation.citation_check import Checked, without_marks
from memorag_graph.retrieval.list_matches import Reach
from memorag_graph.text.languages import Language, detect_language, language
from memorag_graph.text.words import count_words

_FEWEST_WORDS = 20
"""Minimum words for detecting the language of a text."""

_MOST_NAMED = 5
"""Maximum contradictions that are told in words."""


@dataclass(slots=True)
class Findings:
    """Faults and their notices, in the order of detection."""

    faults: list[Fault] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)

    def add(self, fault: Fault, notice: str) -> None:
        """Add a fault and its notice."""
        self.faults.append(fault)
        self.notices.append(notice)


def report_conflicts(findings: Findings, conflicts: Sequence[Conflict]) -> None:
    """Add the contradictions of the evidence."""
    if not conflicts:
        return
    pairs = "; ".join(f"{_named(it.stated)} and {_named(it.other)}" for it in conflicts[:_MOST_NAMED])
    pairs += f"; and {len(conflicts) - _MOST_NAMED} more" if len(conflicts) > _MOST_NAMED else ""
    findings.add("conflicting_passages", f"Passages say nearly the same, but not the same: {pairs}.")


def report_list(findings: Findings, reach: Reach | None, more: int = 0) -> None:
    """Add that the answer to a question for a list or a count may be incomplete, unless all of the documents was read.

    Args:
        findings: What was found so far.
        reach: How much of what matches the question the evidence holds; None if that is not known.
        more: Number of matching sentences of the evidence that the answer does not quote.
    """
    left_out = more + (reach.left_out if reach else 0)
    if left_out:
        matching = "1 more place that matches" if left_out == 1 else f"{left_out} more places that match"
        notice = f"The question asks for several things; {matching} its words could not be quoted for lack of room."
    elif reach and reach.is_whole:
        return
    elif reach:
        notice = (
            "The question asks for several things; no other place matches its words as well, but others may say it "
            "in other words."
        )
    else:
        notice = "The question asks for several things; the passages that were found may not name all of them."
    findings.add("list_may_be_incomplete", notice)


def _named(sentence: Citation) -> str:
    return f"“{' '.join(sentence.quote.split())}” ({sentence.source})"


def judge(checked: Checked, text: str, wanted: Language) -> Findings:
    """Find what is wrong with the citations and the language of a written answer."""
    findings = Findings()
    if checked.missing:
        findings.add("cites_missing_passage", f"The answer cites passages that do not exist: {_list(checked.missing)}.")
    if not checked.citations:
        findings.add("cites_nothing", "The answer cites no passage; nothing in it was checked against the document.")
    false = dict.fromkeys(citation.number for citation in checked.citations if not citation.supported)
    if false:
        findings.add(
            "false_citation", f"The answer cites passages that do not support its claims: {_list(list(false))}."
        )
    if checked.citations and checked.unsupported:
        findings.add("unsupported_statement", f"No cited passage supports {_unsupported(checked)}.")
    if (other := _other_language(text, wanted)) is not None:
        findings.add("wrong_language", f"The answer is in {other.name}, not in {language(wanted.code).name}.")
    return findings


def _other_language(text: str, wanted: Language) -> Language | None:
    """Return the language of a text if it is not the wanted one; None for short texts."""
    plain = without_marks(text)
    if count_words(plain) < _FEWEST_WORDS:
        return None
    found = detect_language(plain)
    return found if found.name != language(wanted.code).name else None  # one name may have several codes


def _list(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))


def _unsupported(checked: Checked) -> str:
    if checked.statements == 1:
        return "the answer's only sentence"
    return f"{len(checked.unsupported)} of the answer's {checked.statements} sentences"
