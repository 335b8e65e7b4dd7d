"""The evidence of a question: its sentences with what they belong to, their scores, and how sure quotations are."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from langchain_core.embeddings import Embeddings

from memorag_graph.documents.page_references import asked_page
from memorag_graph.documents.part_references import part_numbers, references
from memorag_graph.generation.absent_names import is_of_kind, is_part_of_held, missing_names
from memorag_graph.generation.agent_nouns import with_agent_nouns
from memorag_graph.generation.answer import Citation, GenerationInput
from memorag_graph.generation.asked_part import asked_part
from memorag_graph.generation.asked_terms import asked_paths, asked_terms, held_terms
from memorag_graph.generation.confidence import Compared, compare, confidence, features, share_spoken
from memorag_graph.generation.inflected_names import as_written, inflected_names
from memorag_graph.generation.language_difference import LanguageDifference, compared_language, language_difference
from memorag_graph.generation.names_in_text import file_title, lowered, names_in
from memorag_graph.generation.quotable_sentences import Unit, units_of
from memorag_graph.generation.sentence_scores import SentenceScores, descending, score_sentences
from memorag_graph.generation.sentence_subjects import subject_of, told_after
from memorag_graph.generation.surroundings import Surroundings, surroundings_of, with_speaker
from memorag_graph.generation.told_apart import about_what_is_asked
from memorag_graph.generation.unit_weights import unit_weights
from memorag_graph.generation.word_families import in_words_of
from memorag_graph.text.mail_labels import QUOTED, mail_label_words
from memorag_graph.text.posed_questions import is_question, poses_question

_CHINESE_PART = re.compile(r"第[^\W_]{1,6}[条條章节節款项項]")
"""A part of a text, or of something else, such as the fourth quarter of a game (第四节)."""


@dataclass(frozen=True, slots=True)
class ScoredEvidence:
    """The sentences and records of the evidence, scored for a question; all in document order.

    Attributes:
        units: The sentences and records.
        belonging: What each belongs to.
        compared: How each compares with the question by its meaning.
        scores: How well each answers.
        language_code: Language in which words are compared: the document's, if that is known.
        worded: The question in words that the evidence holds, as far as these are of one family.
    """

    units: Sequence[Unit]
    belonging: Sequence[Surroundings]
    compared: Compared
    scores: SentenceScores
    language_code: str
    worded: str

    @classmethod
    def of(cls, given: GenerationInput, units: Sequence[Unit], embeddings: Embeddings) -> "ScoredEvidence":
        """Score the units, at least one, of the input's evidence (:func:`units_of`)."""
        texts = [passage.text for passage in given["evidence"]]
        code = compared_language(given["question"], texts, given["prompts"].language).code
        belonging = surroundings_of(units, code)
        units = [with_speaker(unit, about) for unit, about in zip(units, belonging, strict=True)]
        found = [unit.citation for unit in units]
        prose = [at for at, unit in enumerate(units) if not unit.is_record and not unit.is_heading]
        quotes = [sentence.quote for sentence in found]
        question = as_written(given["question"], inflected_names(given["question"], quotes, code))
        compared = compare(embeddings, question, quotes, prose)
        clues = [*given.get("clues", ()), *([given["draft"]] if given["draft"] else [])]
        rarity = given.get("rarity", {})
        worded = with_agent_nouns(in_words_of(quotes, question, code), quotes, code)
        scores = score_sentences(found, compared.similarity, worded, clues, rarity, code, belonging)
        scores = replace(scores, standing=unit_weights(given["question"], units, belonging))
        return cls(units, belonging, compared, scores, code, worded)

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
        order = descending(self.scores.total)
        return [at for at in order if self.units[at].is_quotable and not self._is_earlier_question(at)]

    @property
    def spoken(self) -> float:
        """Share of the units that are turns of a conversation."""
        return share_spoken(self.units, self.belonging)

    def section_of(self, question: str) -> list[int]:
        """Return the positions of what stands under the heading that a question asks for, first to last.

        A question asks for a heading if that holds all its words, as "What does the preface say?", or for a numbered
        part (:mod:`~memorag_graph.generation.asked_part`); else there are none.
        """
        if part := self._page(question) or asked_part(question, self.units, self.language_code)[0]:
            return part
        asked = set(asked_terms(self.worded, self.language_code))
        headings = dict.fromkeys((it.citation.source, about.heading) for it, about in self._under_headings())
        held = {key: set(held_terms(key[1], self.language_code)) for key in headings}
        fitting = [key for key in headings if asked and asked <= held[key]]
        if not fitting:
            return []
        nearest = min(fitting, key=lambda key: len(held[key]))
        under = zip(self.units, self.belonging, strict=True)
        return [
            at
            for at, (unit, about) in enumerate(under)
            if unit.is_quotable and (unit.citation.source, about.heading) == nearest
        ]

    def _page(self, question: str) -> list[int]:
        """Return the positions of what stands on the page that a question asks for."""
        wanted = asked_page(question)
        cited = ((at, unit.citation) for at, unit in enumerate(self.units) if wanted and unit.is_quotable)
        return [at for at, it in cited if (it.label or str(it.page)).lower() == wanted]

    def _under_headings(self) -> Iterator[tuple[Unit, Surroundings]]:
        for unit, about in zip(self.units, self.belonging, strict=True):
            if about.heading and unit.is_quotable:
                yield unit, about

    def missing_references(self, question: str) -> list[str]:
        """Return the numbered parts that a question names, such as "clause 3.5", whose number stands nowhere."""
        wanted = references(question)
        if not wanted:
            return []
        if within := asked_part(question, self.units, self.language_code)[1]:
            return within
        texts = [f"{it.citation.quote}\n{about.words}" for it, about in zip(self.units, self.belonging, strict=True)]
        held = {number for text in texts for number in part_numbers(text)}
        return [
            name
            for number, name in wanted.items()
            if number not in held and (not _CHINESE_PART.match(name) or any(name[-1] in it for it in _parts(texts)))
        ]

    def holds_asked_figures(self, question: str, position: int) -> bool:
        """Return whether a unit is a record that holds all numbers and paths of a question.

        There is at least one number of two digits, or a path such as "/login".
        """
        unit = self.units[position]
        if not unit.is_record:
            return False
        paths = asked_paths(question)
        figures = {term for term in held_terms(question, self.language_code) if any(map(str.isdecimal, term))}
        text = unit.citation.quote
        is_telling = bool(paths) or any(len(figure) > 1 for figure in figures)
        held = figures <= set(held_terms(text, self.language_code)) and set(paths) <= set(asked_paths(text))
        return is_telling and held

    def missing_names(self, question: str, positions: Sequence[int]) -> list[str]:
        """Return the numbered parts and the names of a question that stand nowhere, so that it has no answer here."""
        return self.missing_references(question) or self.absent_names(question, positions)

    def absent_names(self, question: str, positions: Sequence[int]) -> list[str]:
        """Return the names of a question that stand nowhere, where the evidence has others in their place.

        Args:
            question: The question.
            positions: Positions of the units that would answer, best first.
        """
        together = zip(self.units, self.belonging, strict=True)
        texts = [f"{it.citation.quote}\n{about.words}\n{file_title(it.citation.source)}" for it, about in together]
        lower = lowered([question, *self._quotes()])
        missing = missing_names(question, texts, lower, self.language_code)
        if self.spoken and any(self.belonging[at].speaker or self.belonging[at].own_speaker for at in positions):
            missing = [it for it in missing if it.form != "word"]  # speakers seldom name themselves and each other
        quoted = ["\n".join(texts[it] for it in (*self.belonging[at].subject[:1], at)) for at in positions]
        lacking = set(asked_terms(question, self.language_code)) - set(held_terms(quoted[0], self.language_code))
        is_all = lacking <= {term for it in missing for term in held_terms(it.word, self.language_code)}
        missing = [it for it in missing if not is_part_of_held(it, question, quoted[0], texts)]
        absent = [it for it in missing if is_of_kind(it, quoted, texts, lower, self.language_code, is_all=is_all)]
        every = [it for it in names_in(question, lower, self.language_code) if it.at and it.form == "word"]
        if not absent and every and set(every) <= set(missing) and self._tells_of_others(positions[0], lower):
            absent = every
        return list(dict.fromkeys(it.word for it in absent))

    def _quotes(self) -> list[str]:
        return [unit.citation.quote for unit in self.units]

    def _tells_of_others(self, best: int, lower: frozenset[str]) -> bool:
        """Return whether units with the same words of the question as the best one tell of different subjects."""
        parts = self.scores.parts
        alike = [at for at in range(len(self.units)) if (parts[at] >= parts[best]).all() and self.units[at].is_quotable]
        subjects = {self._subject(at, lower) for at in alike} - {""}
        return bool(self._subject(best, lower)) and len(subjects) > 1 and bool(parts[best].any())

    def _subject(self, at: int, lower: frozenset[str]) -> str:
        """Return what tells the subject of a unit: the sentence or heading that names it, or the record; or nothing."""
        unit, about = self.units[at], self.belonging[at]
        if about.is_named:
            return self.units[about.subject[0] if about.subject else at].citation.quote
        if unit.is_record and not about.speaker and not about.own_speaker:
            return unit.citation.quote
        names = [it for it in names_in(about.heading, lower, self.language_code) if it.form == "word"]
        return about.heading if names else ""

    def adds(self, position: int, best: int) -> bool:
        """Return whether a unit holds words of the question that another one lacks."""
        return bool((self.scores.parts[position] > self.scores.parts[best]).any())

    def of_one_subject(self, positions: Sequence[int], question: str) -> list[int]:
        """Return the positions without those of something else than the best, which is the first.

        Where the best sentence or what it belongs to holds a name of the question, sentences of another file or under
        another heading, which hold none, are about something else. So is the body of an e-mail beside its headers, and
        what has another word in the place of one of the question (:mod:`~memorag_graph.generation.told_apart`).
        """
        positions = about_what_is_asked(positions, question, self.units, self.belonging, self.language_code)
        best = positions[0]
        if mail_label_words(self.units[best].citation.quote):
            return [at for at in positions if mail_label_words(self.units[at].citation.quote)]
        if self.scores.named[best] == 0:
            return list(positions)
        places = [(unit.citation.source, about.heading) for unit, about in zip(self.units, self.belonging, strict=True)]
        return [at for at in positions if self.scores.named[at] > 0 or places[at] == places[best]]

    def of_records(self, positions: Sequence[int]) -> list[int]:
        """Return the positions without those of further records that hold no word of the question.

        The best is the first; where it is a record, too, others tell something else of the same thing.
        """
        best, records = positions[0], self.records if positions[0] in self.records else ()
        return [at for at in positions if at == best or at not in records or self.scores.parts[at].any()]

    def about_the_same(self, positions: Sequence[int], best: int, question: str) -> list[int]:
        """Return the positions without those of something else than the best, which names what the question does."""
        return about_what_is_asked(positions, question, self.units, self.belonging, self.language_code, [best])

    def confidence(self, positions: Sequence[int]) -> float:
        """Return how likely the units at these positions, at least one, answer the question."""
        return confidence(features(self.scores, positions, self.compared, self.spoken))

    def with_answers(self, positions: Sequence[int]) -> list[int]:
        """Return positions with those of what follows a question, be it posed in a list, in speech or in a report."""
        found = dict.fromkeys(positions)
        for at in positions:
            if poses_question(self.units[at].citation.quote) and at + 1 < len(self.units):
                first, second = self.units[at], self.units[at + 1]
                if second.is_quotable and first.citation.source == second.citation.source:
                    found[at + 1] = None
        return list(found)

    def with_subjects(self, positions: Sequence[int], question: str) -> list[int]:
        """Return positions with those of the sentences that name what they speak of, or go on from them."""
        found = dict.fromkeys(positions)
        for at in positions:
            told = told_after(at, question, self.units, self.belonging, self.language_code)
            if told is not None:
                found[told] = None
        asked = asked_terms(question, self.language_code)
        for at in list(found):
            subject = subject_of(at, asked, self.units, self.belonging, self.language_code)
            if subject is not None:
                found[subject] = None
        return list(found)

    def _is_earlier_question(self, at: int) -> bool:
        """Return whether a unit is a question in a message that an e-mail quotes, and no answer stands below it."""
        below = self.belonging[at + 1 : at + 2]
        headings = [it.heading for it in (self.belonging[at], *below)]
        is_asking = is_question(self.units[at].citation.quote)
        return is_asking and all(QUOTED in heading for heading in headings)

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


def _parts(texts: Sequence[str]) -> set[str]:
    """Return the parts in Chinese that texts name."""
    return {part for text in texts for part in _CHINESE_PART.findall(text)}


def score_evidence(given: GenerationInput, embeddings: Embeddings) -> ScoredEvidence | None:
    """Split and score the evidence; None if it has no sentences."""
    units = units_of(given["evidence"], given["prompts"].language.code)
    return ScoredEvidence.of(given, units, embeddings) if units else None
