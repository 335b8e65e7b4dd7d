"""What a memory model might learn to write for a question whose evidence is known."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import groupby
from math import sqrt

from memorag_graph.evaluation.dataset import Question
from memorag_graph.memory.build.grounded_summary import central_sentences
from memorag_graph.retrieval.stop_words import function_words
from memorag_graph.text.sentences import Sentence, split_sentences
from memorag_graph.text.words import content_words, share_of

Fits = Callable[[Sequence[str]], bool]
"""Whether texts together are short enough for one reply."""

_SENTENCES = 6
"""Sentences tried for one reply."""

_PHRASES = 9
_PER_QUESTION = 3
_LONGEST_PHRASE = 4
_LETTERS = 4
_MARKS = ".,;:!?\"'()[]{}"
_ASKED = {"en": "What was said about {}?", "zh": "关于{}说了什么？"}
_AND = {"en": " and ", "zh": "和"}


def drafts(question: Question, text: str, code: str, fits: Fits) -> list[str]:
    """Return candidate drafts: parts of the reference answers, and central sentences of the evidence.

    Args:
        question: The question.
        text: Its document's text.
        code: ISO 639-1 code of the document's language.
        fits: Whether a draft is short enough.
    """
    found: list[str] = []
    for answer in question.answers:
        sentences = [sentence.text for sentence in split_sentences(answer, code)]
        found += [_filled(sentences[start:], fits) for start in range(len(sentences))]
        found += sentences
    central = [_on_one_line(sentence.text) for sentence in central_sentences(_evidence(question, text, code))]
    found.append(_filled(central, fits))
    if found and central:
        found.append(_filled([*found[:1], *central], fits))
    return [candidate for candidate in dict.fromkeys(found) if candidate and fits([candidate])]


def surrogates(question: Question, text: str, code: str, fits: Fits) -> list[tuple[str, ...]]:
    """Return candidate lists of questions: about the phrases that matter most in the answer and in the evidence."""
    asked = set(content_words(question.query, function_words(code)))
    answer = " ".join(question.answers[:1])
    evidence = "\n".join(text[start:end] for start, end in question.evidence)
    common = Counter(content_words(text))
    found = []
    for source in (answer, evidence, f"{answer}\n{evidence}"):
        chosen = [phrase for phrase in _phrases(source, common, code) if not set(content_words(phrase)) <= asked]
        groups = [chosen[at : at + _PER_QUESTION] for at in range(0, min(len(chosen), _PHRASES), _PER_QUESTION)]
        questions = [_ask(group, code) for group in groups]
        while questions and not fits(questions):
            questions.pop()
        if questions:
            found.append(tuple(questions))
    return list(dict.fromkeys(found))


def spans(question: Question, text: str, notes: Iterable[str], code: str, fits: Fits) -> list[tuple[str, ...]]:
    """Return candidate lists of sentences of the notes: those that the evidence holds, or else shares most words with.

    Recalled spans that the notes do not support are never searched for, so other sentences need not be learned.
    """
    words = function_words(code)
    evidence = set(content_words("\n".join(text[start:end] for start, end in question.evidence), words))
    wanted = content_words(" ".join([question.query, *question.answers[:1]]), words)
    sentences = {it.text: content_words(it.text, words) for note in notes for it in split_sentences(note, code)}
    held = {sentence: share_of(found, evidence) for sentence, found in sentences.items()}
    near = {sentence: _common(wanted, found) for sentence, found in sentences.items()}
    found = []
    for order in (lambda it: (round(held[it], 1), near[it]), lambda it: (near[it] * held[it], 0.0)):
        chosen: list[str] = []
        for sentence in sorted(sentences, key=order, reverse=True)[:_SENTENCES]:
            if fits([*chosen, sentence]):
                chosen.append(sentence)
        found += [tuple(chosen), tuple(chosen[:1])] if chosen else []
    return list(dict.fromkeys(found))


def _evidence(question: Question, text: str, code: str) -> Iterator[Sentence]:
    for start, end in question.evidence:
        yield from split_sentences(text[start:end], code)


def _common(wanted: Sequence[str], words: Sequence[str]) -> float:
    """Return how many wanted words a sentence has, for its length."""
    return len(set(wanted) & set(words)) / sqrt(len(set(words)) + _SENTENCES)


def _filled(sentences: Sequence[str], fits: Fits) -> str:
    """Return the longest start of sentences that fits, without those that alone are too long."""
    kept: list[str] = []
    for sentence in sentences[:_SENTENCES]:
        if not fits([" ".join([*kept, sentence])]):
            if kept:
                break
            continue
        kept.append(sentence)
    return " ".join(kept)


def _phrases(source: str, common: Counter[str], code: str) -> list[str]:
    """Return runs of words that carry content (Rose et al., "Automatic keyword extraction", 2010), best first."""
    counts: Counter[str] = Counter()
    words = function_words(code)
    for sentence in split_sentences(source, code):
        for carries, run in groupby(sentence.text.split(), lambda it: _carries(it, words)):
            phrase = [word.strip(_MARKS) for word in run] if carries else []
            if 1 <= len(phrase) <= _LONGEST_PHRASE:
                counts[" ".join(phrase).lower()] += 1
    weight = {
        phrase: sum(1 / (1 + common[word]) ** 0.5 for word in content_words(phrase)) * count
        for phrase, count in counts.items()
    }
    return [phrase for phrase in sorted(weight, key=lambda it: -weight[it]) if weight[phrase] > 0]


def _carries(word: str, functions: Collection[str]) -> bool:
    bare = word.strip(_MARKS).lower()
    return len(bare) >= _LETTERS and bare.isalpha() and bare not in functions


def _ask(phrases: Sequence[str], code: str) -> str:
    joined = _AND.get(code, _AND["en"]).join([", ".join(phrases[:-1]), phrases[-1]] if phrases[1:] else phrases)
    return _ASKED.get(code, _ASKED["en"]).format(joined)


def _on_one_line(text: str) -> str:
    return " ".join(text.split())
