"""The evidence of a question: its sentences with what they belong to, their scores, and how sure quotations are."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from langchain_core.embeddings import Embeddings

from memorag_graph.documents.numbered_headings import part_numbers, references
from memorag_graph.generation.answer import Citation, GenerationInput
from memorag_graph.generation.asked_terms import asked_terms, held_terms
from memorag_graph.generation.confidence import Compared, compare, confidence, features, share_spoken
from memorag_graph.generation.language_difference import LanguageDifference, language_difference
from memorag_graph.generation.quotable_sentences import Unit, units_of
from memorag_graph.generation.sentence_scores import SentenceScores, descending, score_sentences
from memorag_graph.generation.surroundings import Surroundings, surroundings_of, with_speaker

_QUESTION = re.compile(r"[?？؟][\"'”’)\]]*\s*$")


@dataclass(frozen=True, slots=True)
class ScoredEvidence:
    """The sentences and records of the evidence, scored for a question; all in document order.

    Attributes:
        units: The sentences and records.
        belonging: What each belongs to.
        compared: How each compares with the question by its meaning.
        scores: How well each answers.
        language_code: Language of the document.
    """

    units: Sequence[Unit]
    belonging: Sequence[Surroundings]
    compared: Compared
    scores: SentenceScores
    language_code: str

    @classmethod
    def of(cls, given: GenerationInput, units: Sequence[Unit], embeddings: Embeddings) -> "ScoredEvidence":
        """Score the units, at least one, of the input's evidence (:func:`units_of`)."""
        code = given["prompts"].language.code
        belonging = surroundings_of(units, code)
        units = [with_speaker(unit, about) for unit, about in zip(units, belonging, strict=True)]
        found = [unit.citation for unit in units]
        prose = [at for at, unit in enumerate(units) if not unit.is_record and not unit.is_heading]
        compared = compare(embeddings, given["question"], [sentence.quote for sentence in found], prose)
        clues = [*given.get("clues", ()), *([given["draft"]] if given["draft"] else [])]
        rarity = given.get("rarity", {})
        scores = score_sentences(found, compared.similarity, given["question"], clues, rarity, code, belonging)
        return cls(units, belonging, compared, scores, code)

    @property
    def sentences(self) -> list[Citation]:
        """The citations of the units."""
        return [unit.citation for unit in self.units]

    @property
    def records(self) -> frozenset[int]:
        """Positions of the units that are records."""
        return frozenset(at for at, unit in enumerate(self.units) if unit.is_record)

    @property
    def ranked(self) -> list[int]:
        """Positions of the units that can answer, best first."""
        return [index for index in descending(self.scores.total) if self.units[index].is_quotable]

    def section_of(self, question: str) -> list[int]:
        """Return the positions of what stands under the heading that a question asks for, first to last.

        A question asks for a heading if that holds all its words, as "What does Article 7 say?", or if it has no other
        words than a numbered part, whose number the heading holds ("Art. 7"); else there are none.
        """
        asked = set(asked_terms(question, self.language_code))
        headings = dict.fromkeys((it.citation.source, about.heading) for it, about in self._under_headings())
        held = {key: set(held_terms(key[1], self.language_code)) for key in headings}
        fitting = [key for key in headings if asked and asked <= held[key]]
        part = references(question)
        if not fitting and len(part) == 1 and asked <= set(held_terms(" ".join(part.values()), self.language_code)):
            fitting = [key for key in headings if not part_numbers(key[1]).isdisjoint(part)]
        if not fitting:
            return []
        nearest = min(fitting, key=lambda key: len(held[key]))
        under = zip(self.units, self.belonging, strict=True)
        return [
            at
            for at, (unit, about) in enumerate(under)
            if unit.is_quotable and (unit.citation.source, about.heading) == nearest
        ]

    def _under_headings(self) -> Iterator[tuple[Unit, Surroundings]]:
        for unit, about in zip(self.units, self.belonging, strict=True):
            if about.heading and unit.is_quotable:
                yield unit, about

    def missing_references(self, question: str) -> list[str]:
        """Return the numbered parts that a question names, such as "clause 3.5", whose number stands nowhere."""
        wanted = references(question)
        if not wanted:
            return []
        texts = [f"{it.citation.quote}\n{about.words}" for it, about in zip(self.units, self.belonging, strict=True)]
        held = {number for text in texts for number in part_numbers(text)}
        return [name for number, name in wanted.items() if number not in held]

    def of_one_subject(self, positions: Sequence[int]) -> list[int]:
        """Return the positions without those of something else than the best, which is the first.

        Where the best sentence or what it belongs to holds a name of the question, sentences of another file or under
        another heading, which hold none, are about something else.
        """
        best = positions[0]
        if self.scores.named[best] == 0:
            return list(positions)
        places = [(unit.citation.source, about.heading) for unit, about in zip(self.units, self.belonging, strict=True)]
        return [at for at in positions if self.scores.named[at] > 0 or places[at] == places[best]]

    def confidence(self, positions: Sequence[int]) -> float:
        """Return how likely the units at these positions, at least one, answer the question."""
        spoken = share_spoken(self.units, self.belonging)
        return confidence(features(self.scores, positions, self.compared, spoken))

    def with_answers(self, positions: Sequence[int]) -> list[int]:
        """Return positions with those of what follows a question, as in a conversation or a list of questions."""
        found = dict.fromkeys(positions)
        for at in positions:
            if _QUESTION.search(self.units[at].citation.quote) and at + 1 < len(self.units):
                first, second = self.units[at], self.units[at + 1]
                if second.is_quotable and first.citation.source == second.citation.source:
                    found[at + 1] = None
        return list(found)

    def within(self, citations: Sequence[Citation]) -> list[int]:
        """Return the positions of the units that begin within quotations."""
        places = [(it.number, it.start, it.end) for it in citations]
        return [
            at
            for at, unit in enumerate(self.units)
            if any(unit.citation.number == it and start <= unit.citation.start < end for it, start, end in places)
        ]

    def language_difference(self, given: GenerationInput) -> LanguageDifference | None:
        """Return the languages of question and evidence if they differ, so that their words cannot be compared."""
        texts = [passage.text for passage in given["evidence"]]
        in_common = float(self.scores.asked.max(initial=0.0))
        return language_difference(given["question"], texts, given["prompts"].language, in_common)


def score_evidence(given: GenerationInput, embeddings: Embeddings) -> ScoredEvidence | None:
    """Split and score the evidence; None if it has no sentences."""
    units = units_of(given["evidence"], given["prompts"].language.code)
    return ScoredEvidence.of(given, units, embeddings) if units else None
