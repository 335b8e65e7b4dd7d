"""Summaries cover the parts of a document in its order, within their length, and hold what a summary is about."""

from collections.abc import Sequence
from random import Random
from typing import Any, ClassVar

import numpy as np
import pytest
from langchain_core.callbacks import BaseCallbackHandler, CallbackManagerForLLMRun
from langchain_core.language_models.model_profile import ModelProfile
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatResult

from memorag_graph.documents import Document, PageMap
from memorag_graph.generation.answer import Answer, GenerationInput
from memorag_graph.generation.chat_generator import ChatGenerator
from memorag_graph.generation.chat_window import ChatWindow
from memorag_graph.generation.quotable_sentences import units_of
from memorag_graph.generation.summary.cover import cover, summary_words
from memorag_graph.generation.summary.extract import extract
from memorag_graph.generation.summary.parts import divide
from memorag_graph.generation.summary.salience import Salience, salience
from memorag_graph.generation.summary.selection import Selection
from memorag_graph.generation.summary.sentences import sentences_of_chunks
from memorag_graph.memory.backends.local import LocalMemoryModel
from memorag_graph.memory.memory_chat import MemoryChat
from memorag_graph.models.token_estimate import estimate_tokens
from memorag_graph.prompts import Prompts
from memorag_graph.retrieval.retrieve import Evidence
from memorag_graph.settings import SUMMARY_TOKENS, RunOptions
from memorag_graph.text.chunking import Chunk
from memorag_graph.text.languages import language
from tests.conftest import HashEmbeddings, tiny_model
from tests.test_generation import Prompted

SUBJECTS = ("harbour", "railway", "orchard", "library", "hospital", "theatre")
BODY = {
    subject: " ".join(
        f"The {subject} was extended by the council in {1900 + number} because the old {subject} had become too small."
        if number % 3
        else f"Visitors of the {subject} paid {number + 2} pence, which the friends of the {subject} spent on repairs."
        for number in range(9)
    )
    for subject in SUBJECTS
}
TEXT = "\n\n".join(f"# The {subject}\n\n{body}" for subject, body in BODY.items())
PAGES = {"town.md": PageMap(sections=tuple((TEXT.index(f"# The {it}"), f"The {it}") for it in SUBJECTS))}


def words(text: str) -> int:
    return len(text.split())


def chunks(text: str = TEXT, source: str = "town.md") -> list[Chunk]:
    found, at = [], 0
    for paragraph in text.split("\n\n"):
        start = text.index(paragraph, at)
        at = start + len(paragraph)
        found.append(Chunk(source, 0, start, at, paragraph))
    return found


def request(evidence: Sequence[Evidence], tokens: int, question: str = "") -> GenerationInput:
    return GenerationInput(
        question=question,
        task_type="summarize",
        evidence=evidence,
        outline=[],
        draft="",
        prompts=Prompts(language("en")),
        max_tokens=tokens,
    )


def summary(evidence: Sequence[Evidence], tokens: int, question: str = "") -> tuple[list[str], float]:
    chosen, covered = extract(request(evidence, tokens, question), units_of(evidence, "en"))
    assert [it.start for it in chosen] == sorted(it.start for it in chosen)
    return [it.quote for it in chosen], covered


def covering(tokens: int) -> list[Evidence]:
    return cover(
        chunks(), PAGES, 600, summary_words(tokens), embeddings=HashEmbeddings(), count_tokens=words, language_code="en"
    )


@pytest.mark.parametrize("tokens", [96, 256, 640])
def test_a_summary_is_as_long_as_asked_and_covers_the_parts_in_order(tokens: int) -> None:
    evidence = covering(tokens)
    assert [it.start for it in evidence] == sorted({it.start for it in evidence})
    assert all(TEXT[it.start : it.end] == it.text for it in evidence)
    assert sum(words(it.text) for it in evidence) <= 600
    quotes, covered = summary(evidence, tokens)
    assert sum(map(words, quotes)) <= summary_words(tokens)
    assert covered == 1.0
    assert not any(quote.startswith("#") or (quote.startswith("The ") and len(quote) < 20) for quote in quotes)
    if len({it.part for it in evidence}) == len(SUBJECTS):
        assert [subject for subject in SUBJECTS if any(subject in quote for quote in quotes)] == list(SUBJECTS)


def test_what_does_not_fit_lowers_the_share_of_parts() -> None:
    quotes, covered = summary(covering(640), 40)
    assert len(quotes) < len(SUBJECTS)
    assert covered == len(quotes) / len(SUBJECTS)


def test_a_request_for_a_part_quotes_what_holds_its_words() -> None:
    found = [Evidence(it.source, it.start, it.end, it.text, 1.0) for it in chunks() if not it.text.startswith("#")]
    quotes, _ = summary(found, 60, "Summarize the orchard")
    assert quotes
    assert all("orchard" in quote for quote in quotes)


def test_a_sentence_that_a_cut_divides_is_not_quoted() -> None:
    text = BODY["harbour"]
    at = text.index("because")
    whole = [Chunk("a", 0, 0, len(text), text)]
    cut = [Chunk("a", 0, 0, at - 1, text[: at - 1]), Chunk("a", 0, at, len(text), text[at:])]
    sentences = [it.citation.quote for it in sentences_of_chunks(whole, {}, "en")]
    divided = next(it for it in sentences if text.index(it) < at < text.index(it) + len(it))
    assert [it.citation.quote for it in sentences_of_chunks(cut, {}, "en")] == [it for it in sentences if it != divided]


def test_what_chunks_repeat_is_read_once() -> None:
    text = BODY["harbour"]
    at, back = text.index("Visitors", 200), text.index("The harbour", 100)
    overlapping = [Chunk("a", 0, 0, at - 1, text[: at - 1]), Chunk("a", 0, back, len(text), text[back:])]
    starts = [it.citation.start for it in sentences_of_chunks(overlapping, {}, "en")]
    assert starts == sorted(set(starts))


def test_rows_are_quoted_only_where_there_is_hardly_any_prose() -> None:
    rows = "\n".join(f"Depot: {name} | Lorries: {number}" for number, name in enumerate(SUBJECTS))
    table = Chunk("t", 0, 0, len(rows), rows)
    prose = Chunk("p", 1, 0, len(BODY["harbour"]), BODY["harbour"])
    assert all(it.is_record for it in sentences_of_chunks([table], {}, "en"))
    assert {it.citation.source for it in sentences_of_chunks([table, prose], {}, "en")} == {"p"}


def test_few_sections_are_the_parts_and_many_are_joined() -> None:
    sections = [number // 4 for number in range(40)]
    held, lengths = [frozenset({"a"})] * 40, [5] * 40
    assert divide(held, lengths, sections, 10) == sections
    joined = divide(held, lengths, sections, 3)
    assert len(set(joined)) == 3
    assert joined == sorted(joined)
    assert all(joined[at] == joined[at + 1] for at in range(39) if sections[at] == sections[at + 1])


def test_a_text_without_sections_is_divided_where_its_words_change() -> None:
    held = [frozenset({"sea", f"a{number % 5}"}) for number in range(37)]
    held += [frozenset({"hill", f"b{number % 5}"}) for number in range(43)]
    parts = divide(held, [10] * 80, [0] * 80, 2)
    assert parts == [0] * 37 + [1] * 43


def test_the_selection_is_that_of_plain_greedy_search() -> None:
    random = Random(4)
    held = [frozenset(random.sample("abcdefghijklmnop", 5)) for _ in range(60)]
    likely = {letter: random.random() for letter in "abcdefghijklmnop"}
    own = np.array([random.gauss(0, 0.3) for _ in held])
    lengths = [random.randint(5, 20) for _ in held]
    parts = [at // 20 for at in range(60)]
    found = Selection(Salience(likely, held, own), lengths).select(parts, 120)

    plain = Selection(Salience(likely, held, own), lengths)
    for silent in (set(parts), None):
        while True:
            fitting = [
                at
                for at in range(60)
                if at not in plain.positions
                and (silent is None or parts[at] in silent)
                and (not plain.positions or sum(lengths[it] for it in plain.positions) + lengths[at] <= 120)
            ]
            if not fitting or silent == set():
                break
            best = max(fitting, key=lambda at: (plain._value(at), -at))
            assert plain._take(best, 120)
            if silent is not None:
                silent.discard(parts[best])
    assert found == plain.positions


def test_salience_does_not_depend_on_who_speaks() -> None:
    said = ["The new bridge will cost nine million pounds.", "We close the road in May, I am afraid."]
    first, second = (
        [f"{name}: {it}" for name, it in zip(names, said, strict=True)] for names in ("AB", ("Ann", "Zoe"))
    )
    assert np.allclose(salience(first, "en").sentences, salience(second, "en").sentences)
    assert salience(first, "en").words == salience(second, "en").words == salience(said, "en").words
    assert salience(first, "en").sentences[0] > salience(first, "en").sentences[1]
    german = [f"{name}: {it}" for name, it in zip(("Ann", "Zoe"), said, strict=True)]
    assert np.allclose(salience(german, "de").sentences, salience(said, "de").sentences)


def test_no_sentences_have_no_salience() -> None:
    assert salience([], "en").sentences.shape == (0,)
    assert cover([], {}, 100, 30, embeddings=HashEmbeddings(), count_tokens=words, language_code="en") == []


def test_the_length_of_a_summary_is_an_option() -> None:
    for length, tokens in SUMMARY_TOKENS.items():
        assert RunOptions(length=length, max_new_tokens=17).for_summary().max_new_tokens == tokens
    assert RunOptions(max_new_tokens=17).for_summary().max_new_tokens == 17


def test_a_document_of_many_sections_has_all_its_parts_in_the_evidence() -> None:
    document = Document("town.md", TEXT, page_map=PAGES["town.md"])
    assert document.text == TEXT
    assert {it.part for it in covering(640)} == set(range(1, len(SUBJECTS) + 1))


def test_a_chat_model_is_asked_for_the_length_and_trusted_by_the_parts_that_it_cites() -> None:
    evidence = covering(640)
    one, other = evidence[0], evidence[-1]
    replies = [f"{one.text} [1]", f"{one.text} [1] {other.text} [{len(evidence)}]"]
    chat = Prompted(messages=iter(map(AIMessage, replies)))
    generator = ChatGenerator(chat=chat, embeddings=HashEmbeddings())
    found = [generator.invoke(request(evidence, 96)), generator.invoke(request(evidence, 640))]
    assert [answer.confidence for answer in found] == [round(1 / len(SUBJECTS), 3), round(2 / len(SUBJECTS), 3)]
    assert [f"Write about {words} words." in prompt for words, prompt in zip((72, 480), chat.prompts, strict=True)] == [
        True,
        True,
    ]


PASSAGES = [
    Evidence("town.md", TEXT.index(body), TEXT.index(body) + len(body), body, 1.0, part=number)
    for number, body in enumerate(BODY.values(), start=1)
]


class Summarizing(Prompted):
    """Summarizes each prompt by naming, with its number, every passage or mark in it."""

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        prompt = str(messages[-1].content)
        self.prompts.append(prompt)
        marks = [f"[{number}]" for number in range(1, 7)]
        named = [it for it in marks if f"{it} <document" in prompt or f"extended {it}" in prompt]
        text = " ".join(f"The {SUBJECTS[marks.index(it)]} was extended {it}." for it in named)
        usage = UsageMetadata(input_tokens=0, output_tokens=10, total_tokens=10)
        return ChatResult(generations=[ChatGeneration(message=AIMessage(text, usage_metadata=usage))])


def summarized(window: int | None) -> tuple[Answer, list[str]]:
    profile = ModelProfile(max_input_tokens=window) if window else None
    chat = Summarizing(messages=iter([]), prompts=[], profile=profile)
    answer = ChatGenerator(chat=chat, embeddings=HashEmbeddings()).invoke(request(PASSAGES, 100, "Summarize the town."))
    return answer, chat.prompts


@pytest.mark.parametrize("window", [None, 100_000])
def test_a_chat_model_summarizes_what_fits_its_window_in_one_go(window: int | None) -> None:
    answer, prompts = summarized(window)
    assert len(prompts) == 1
    assert answer.new_tokens == 10


@pytest.mark.parametrize("window", [700, 1000, 1400])
def test_a_chat_model_summarizes_part_by_part_what_exceeds_its_window(window: int) -> None:
    answer, prompts = summarized(window)
    assert all(estimate_tokens(prompt) + 100 <= window for prompt in prompts)
    shown = [number for prompt in prompts for number in range(1, 7) if f"[{number}] <document" in prompt]
    assert shown == [1, 2, 3, 4, 5, 6]  # each passage once, in its order, under the number it has in the evidence
    assert answer.new_tokens == 10 * len(prompts) > 20
    assert answer.text == summarized(None)[0].text
    assert [it.number for it in answer.citations] == [1, 2, 3, 4, 5, 6]
    assert all(it.supported and TEXT[it.start : it.end] == it.quote for it in answer.citations)
    assert answer.confidence == 1.0


def test_only_the_last_text_of_a_summary_is_streamed() -> None:
    class Tags(BaseCallbackHandler):
        seen: ClassVar[list[bool]] = []

        def on_chat_model_start(self, *_: Any, tags: list[str] | None = None, **__: Any) -> None:
            self.seen.append("nostream" in (tags or []))

    chat = Summarizing(messages=iter([]), prompts=[], profile=ModelProfile(max_input_tokens=1000))
    generator = ChatGenerator(chat=chat, embeddings=HashEmbeddings())
    generator.invoke(request(PASSAGES, 100), {"callbacks": [Tags()]})
    assert Tags.seen == [True] * (len(Tags.seen) - 1) + [False]
    assert len(Tags.seen) > 2


def test_the_window_of_a_local_chat_is_that_of_its_model() -> None:
    model = LocalMemoryModel(tiny_model("llama"))
    window = ChatWindow.of(MemoryChat(memory_model=model))
    assert window.tokens == model.language_model.window
    assert window.count(TEXT) == model.language_model.count(TEXT)
