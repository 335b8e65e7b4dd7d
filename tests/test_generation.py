"""Generators: citations occur in the document, false ones are found, failures fall back to quoting."""

from collections.abc import Iterator
from typing import Any

import pytest
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatResult

from memorag_graph.documents import Document
from memorag_graph.errors import ModelError
from memorag_graph.generation.answer import Answer, GenerationInput
from memorag_graph.generation.chat_generator import ChatGenerator
from memorag_graph.generation.choose_generator import choose_generator
from memorag_graph.generation.extractive_generator import ExtractiveGenerator
from memorag_graph.generation.fence import Fence
from memorag_graph.generation.memory_answer import check_queries, quote_nearest
from memorag_graph.models.embedded import EMBEDDED
from memorag_graph.prompts import Prompts
from memorag_graph.retrieval.query import Query
from memorag_graph.retrieval.retrieve import Evidence
from memorag_graph.settings import RunOptions, TaskType
from memorag_graph.text.languages import language
from tests.conftest import TEXT, HashEmbeddings, split_documents, tiny_model

CHUNKS = split_documents([Document("letters.txt", TEXT)], tiny_model("llama"), 512)
EVIDENCE = [Evidence(chunk.source, chunk.start, chunk.end, chunk.text, 1.0) for chunk in CHUNKS[1:4]]


def given(question: str, task_type: TaskType = "memorag", **changes: Any) -> GenerationInput:
    return GenerationInput(
        question=question,
        task_type=task_type,
        evidence=changes.get("evidence", EVIDENCE),
        outline=changes.get("outline", []),
        draft=changes.get("draft", ""),
        prompts=Prompts(language("en")),
    )


def assert_cited(citations) -> None:
    for citation in citations:
        assert TEXT[citation.start : citation.end] == citation.quote
        passage = EVIDENCE[citation.number - 1]
        assert passage.start <= citation.start < citation.end <= passage.end


def fake(*replies: str) -> GenericFakeChatModel:
    return GenericFakeChatModel(messages=iter([AIMessage(reply) for reply in replies]))


class Prompted(GenericFakeChatModel):
    """Records its prompts."""

    prompts: list[str] = []  # noqa: RUF012 - a pydantic field

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        self.prompts.append(str(messages[-1].content))
        return super()._generate(messages, stop, run_manager, **kwargs)


class Broken(BaseChatModel):
    """A chat model that cannot be reached."""

    @property
    def _llm_type(self) -> str:
        return "broken"

    def _generate(self, *args: Any, **kwargs: Any) -> ChatResult:
        raise ConnectionError("no route to the model")


def written(text: str, question: str = "", **changes: Any) -> Answer:
    """The checked answer of a chat model that writes ``text``; by default the question has the same words."""
    return ChatGenerator(chat=fake(text), embeddings=HashEmbeddings()).invoke(given(question or text, **changes))


def sentences_of(evidence: list[Evidence]) -> Iterator[str]:
    for passage in evidence:
        yield from (f"{part}." for part in passage.text.rstrip(".").split(". "))


def test_extractive_answers_quote_the_nearest_sentences() -> None:
    wanted = list(sentences_of(EVIDENCE))[4]
    answer = ExtractiveGenerator(embeddings=HashEmbeddings(), sentences=1).invoke(given(wanted))
    assert [citation.quote for citation in answer.citations] == [wanted]
    assert answer.text == f"{wanted} [{answer.citations[0].number}]"
    assert_cited(answer.citations)


def test_extractive_answers_are_in_document_order_without_repeats() -> None:
    answer = ExtractiveGenerator(embeddings=HashEmbeddings()).invoke(given("Which captain was proud of the harbour?"))
    starts = [citation.start for citation in answer.citations]
    assert len(starts) == 3
    assert starts == sorted(set(starts))
    assert_cited(answer.citations)


def test_no_evidence_gives_no_answer_and_says_so() -> None:
    answer = ExtractiveGenerator(embeddings=HashEmbeddings()).invoke(given("Why?", evidence=[]))
    assert answer.text == "No passage matches the question well."
    assert (answer.abstained, answer.confidence, answer.faults) == (True, 0.0, ("no_evidence",))
    assert answer.notices == ("No passage of the document matches the question.",)


def test_marks_of_a_written_answer_become_quotations() -> None:
    first, third = EVIDENCE[0].text.split(". ")[0], EVIDENCE[2].text.split(". ")[1]
    answer = written(f"{first} [1]. Also, {third} [3].")
    assert [citation.number for citation in answer.citations] == [1, 3]
    assert answer.citations[0].quote.startswith(first)
    assert third.rstrip(".") in answer.citations[1].quote
    assert_cited(answer.citations)
    assert answer.notices == ()


@pytest.mark.parametrize("marks", ["[1][2]", "[1, 2]", "[1] [2]", "[1], [2]", "【1】【2】", "［1，2］"])
def test_several_marks_of_one_statement(marks: str) -> None:
    statement = list(sentences_of(EVIDENCE[1:2]))[2]
    answer = written(f"{statement} {marks}.")
    assert answer.citations[1].quote == statement
    assert [(citation.number, citation.supported) for citation in answer.citations] == [(1, False), (2, True)]
    assert answer.unsupported == ()
    assert_cited(answer.citations)


def test_a_mark_without_a_passage_is_named_and_not_cited() -> None:
    statement = list(sentences_of(EVIDENCE[1:2]))[1]
    answer = written(f"{statement} [2]. False [9], [0].")
    assert [citation.number for citation in answer.citations] == [2]
    assert answer.faults == ("cites_missing_passage",)
    assert answer.notices == ("The answer cites passages that do not exist: 9, 0.",)


def test_an_answer_without_marks_is_marked_unchecked() -> None:
    answer = written("Nobody knows.")
    assert answer.citations == ()
    assert answer.faults == ("cites_nothing",)
    assert "cites no passage" in answer.notices[0]
    assert answer.confidence == 0.0


def test_thoughts_of_a_reasoning_model_are_left_out() -> None:
    answer = written("<think>Passage [3]?</think>Proud captains [1].")
    assert answer.text == "Proud captains [1]."
    assert [citation.number for citation in answer.citations] == [1]


def test_what_a_model_wrote_is_told_from_quotations_though_it_tells_no_tokens() -> None:
    assert written("Proud captains [1].").new_tokens == 1
    assert ExtractiveGenerator(embeddings=HashEmbeddings()).invoke(given("Proud captains?")).new_tokens == 0


def test_the_prompt_holds_passages_question_draft_and_outline() -> None:
    chat = Prompted(messages=iter([AIMessage("a [1]"), AIMessage("b [1]")]))
    generator = ChatGenerator(chat=chat, embeddings=HashEmbeddings())
    generator.invoke(given("What {evidence}?", draft="It sailed."))
    generator.invoke(given("Summarize.", "summarize", outline=["Point one", "Point two"]))
    question, summary = chat.prompts
    fence = Fence.around("What {evidence}?", *(passage.text for passage in EVIDENCE))
    assert f"[2] {fence.enclose(EVIDENCE[1].text)}" in question
    assert fence.explain(Prompts(language("en")).quotation_note) in question
    assert "What {evidence}?" in question
    assert "It sailed." in question
    assert "- Point one\n- Point two" in summary


def test_a_chat_model_that_fails_is_replaced_by_quotations_and_a_notice() -> None:
    generator = choose_generator(RunOptions(generator="local"), "own", HashEmbeddings(), lambda _: Broken())
    answer = generator.invoke(given("Which captain was proud?"))
    assert_cited(answer.citations)
    assert len(answer.citations) == 3
    assert "the connection failed" in answer.notices[0]


def test_the_default_generator_follows_the_memory_model() -> None:
    def local(name: str) -> BaseChatModel:
        return fake(f"{name} [1]")

    def chosen(memory_model: str, **options: Any) -> str:
        return choose_generator(RunOptions(**options), memory_model, HashEmbeddings(), local).invoke(given("?")).text

    assert "ferry carried" in chosen(EMBEDDED)
    assert chosen("some/model") == "some/model [1]"
    assert chosen(EMBEDDED, generator="local") == "embedded [1]"
    assert chosen(EMBEDDED, generator="other/model") == "other/model [1]"


def test_openai_without_a_key_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(ModelError, match="set OPENAI_API_KEY"):
        choose_generator(RunOptions(generator="openai:gpt-4o"), "m", HashEmbeddings(), lambda _: fake())


def test_an_answer_from_memory_is_checked_with_the_nearest_sentences() -> None:
    wanted = list(sentences_of(EVIDENCE))[4]
    seen: list[str] = []

    def rarity(text: str) -> dict[str, float]:
        seen.append(text)
        return {}

    prompts = Prompts(language("en"))
    citations, confidence = quote_nearest("Who?", wanted, EVIDENCE, HashEmbeddings(), prompts, rarity)
    assert wanted in [citation.quote for citation in citations]
    assert [citation.number for citation in citations] == list(range(1, len(citations) + 1))
    assert all(TEXT[citation.start : citation.end] == citation.quote for citation in citations)
    assert seen == [f"Who? {wanted}"]
    assert confidence > 0.5
    assert confidence > quote_nearest("Who?", "Zygote.", EVIDENCE, HashEmbeddings(), prompts, rarity)[1]


def test_an_answer_from_memory_is_searched_for_with_its_question() -> None:
    assert check_queries("Who?", "Kemp.") == [Query("question", "Who?"), Query("draft", "Kemp.")]
    assert check_queries("Who?", "") == [Query("question", "Who?")]


@pytest.mark.parametrize(("line", "quoted"), [("{name}: {said}", 4), ("{said}", 3)])
def test_a_conversation_is_quoted_with_one_sentence_more(line: str, quoted: int) -> None:
    said = [f"The sluice at Thorle was repaired in spring by the {who}." for who in ("smith", "warden", "boys", "men")]
    said += ["The sluice at Thorle was repaired in spring after all those storms."]
    text = "\n".join(line.format(name=f"{'Ann' if at % 2 else 'Bo'} Lind", said=it) for at, it in enumerate(said))
    answer = ExtractiveGenerator(embeddings=HashEmbeddings()).invoke(
        given("When was the sluice at Thorle repaired?", evidence=[Evidence("m.txt", 0, len(text), text, 1.0)])
    )
    assert len(answer.citations) == quoted
