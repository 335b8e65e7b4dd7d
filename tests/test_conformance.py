"""LangChain's own conformance suites (``langchain-tests``), over a tiny model.

What they skip, and why, is listed in ``docs/interfaces.md``.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from langchain_core.callbacks import get_usage_metadata_callback
from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel
from langchain_core.retrievers import BaseRetriever
from langchain_core.tools import BaseTool
from langchain_tests.integration_tests import (
    ChatModelIntegrationTests,
    EmbeddingsIntegrationTests,
    RetrieversIntegrationTests,
    ToolsIntegrationTests,
)
from langchain_tests.unit_tests import ChatModelUnitTests, EmbeddingsUnitTests, ToolsUnitTests
from pydantic import ValidationError

from memorag_graph.documents import Document
from memorag_graph.errors import InputError
from memorag_graph.graph import MemoragGraph, build_graph
from memorag_graph.langchain.retriever import MemoRAGRetriever
from memorag_graph.langchain.tool import memorag_tool
from memorag_graph.memory.backends.local import LocalMemoryModel
from memorag_graph.memory.kv_memory import Memory
from memorag_graph.memory.memory_chat import MemoryChat
from memorag_graph.models.embedding_cache import CachedEmbeddings
from memorag_graph.prompts import Prompts
from memorag_graph.registry import Registry
from memorag_graph.text.languages import language
from tests.conftest import SETTINGS, TEXT, TINY, HashEmbeddings, build, tiny_model

QUESTION = "Who was proud of the harbour at Thorle?"


@cache
def model() -> LocalMemoryModel:
    return LocalMemoryModel(tiny_model("llama"))


@cache
def memory() -> Memory:
    return build(model(), [Document("letters.txt", TEXT[:900])], Prompts(language("en")), SETTINGS)


@pytest.fixture(scope="module", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One home for all tests, so that they share a memory."""
    place = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("MEMORAG_GRAPH_HOME", str(place))
        yield place


@pytest.fixture(scope="module")
def memorized(home: Path) -> tuple[MemoragGraph, str]:
    """A graph, and the id of a memory."""
    registry = Registry()
    registry.add_memory_model("tiny-llama", model())
    registry.add_embeddings("hash", HashEmbeddings())
    graph, options = build_graph(registry), TINY.model_copy(update={"gist_writer": "extractive"})
    found: Any = graph.invoke({"context": TEXT, "query": QUESTION, "task_type": "lookup"}, context=options)  # type: ignore[call-overload]
    return graph, found["memory_id"]


class OfMemoryChat:
    """What the suites need to know of the chat model."""

    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return MemoryChat

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"memory_model": model(), "memory": memory()}

    @property
    def standard_chat_model_params(self) -> dict[str, Any]:
        return {"temperature": 0, "max_tokens": 12, "stop": []}

    has_tool_calling = False
    has_tool_choice = False
    has_structured_output = False
    supports_json_mode = False
    supports_model_override = False


class TestMemoryChat(OfMemoryChat, ChatModelUnitTests):
    @pytest.mark.xfail(reason="measures a time, and times are not tested", run=False)
    def test_init_time(self) -> None:  # type: ignore[override]
        """Measure how long the construction takes."""


class TestMemoryChatAnswering(OfMemoryChat, ChatModelIntegrationTests):
    @property
    def supported_usage_metadata_details(self) -> dict[str, list[Any]]:  # type: ignore[override]
        return {"invoke": [], "stream": []}


class TestRetriever(RetrieversIntegrationTests):
    memory_id: str
    graph: MemoragGraph

    @pytest.fixture(autouse=True)
    def _memorized(self, memorized: tuple[MemoragGraph, str]) -> None:
        type(self).graph, type(self).memory_id = memorized

    @property
    def retriever_constructor(self) -> type[BaseRetriever]:
        return MemoRAGRetriever

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        return {"memory_id": self.memory_id, "graph": self.graph, "options": TINY, "task_type": "lookup"}

    @property
    def retriever_query_example(self) -> str:
        return QUESTION

    def test_the_best_come_first_and_have_addresses(self, retriever: MemoRAGRetriever) -> None:
        everything = retriever.invoke(QUESTION)
        starts = [it.metadata["start"] for it in everything]
        assert starts == sorted(starts)
        assert len({it.id for it in everything}) == len(everything)
        best = retriever.invoke(QUESTION, k=3)
        scores = [it.metadata["score"] for it in best]
        assert scores == sorted(scores, reverse=True)
        assert scores[0] == max(it.metadata["score"] for it in everything)
        place = best[0].metadata
        assert best[0].id == f"memorag://{self.memory_id}/context#char={place['start']},{place['end']}"
        assert TEXT[place["start"] : place["end"]] == best[0].page_content

    def test_more_than_the_budget_is_found_where_it_is_asked_for(self, retriever: MemoRAGRetriever) -> None:
        narrow = retriever.model_copy(update={"options": TINY.model_copy(update={"evidence_tokens": 64})})
        assert len(narrow.invoke(QUESTION)) < 8 == len(narrow.invoke(QUESTION, k=8))

    def test_unknown_fields_and_options_are_refused(self, retriever: MemoRAGRetriever) -> None:
        with pytest.raises(ValidationError, match="top_k"):
            MemoRAGRetriever(memory_id=self.memory_id, top_k=3)  # type: ignore[call-arg]
        with pytest.raises(InputError, match="top_k: is no option"):
            retriever.invoke(QUESTION, top_k=3)
        with pytest.raises(InputError, match="k: must be 1 or more"):
            retriever.invoke(QUESTION, k=0)


class OfTool:
    """What the suites need to know of the tool."""

    made: BaseTool

    @pytest.fixture(autouse=True)
    def _memorized(self, memorized: tuple[MemoragGraph, str]) -> None:
        graph, memory_id = memorized
        type(self).made = memorag_tool(memory_id, graph=graph, options=TINY)

    @property
    def tool_constructor(self) -> BaseTool:
        return self.made

    @property
    def tool_invoke_params_example(self) -> dict[str, Any]:
        return {"question": QUESTION, "task_type": "lookup"}


class TestTool(OfTool, ToolsUnitTests):
    """The tool, without running it."""


class TestToolAnswering(OfTool, ToolsIntegrationTests):
    """The tool, running."""


class OfEmbeddings:
    """What the suites need to know of the embeddings: those that every model of the package runs in."""

    @property
    def embeddings_class(self) -> type[Embeddings]:
        return CachedEmbeddings

    @property
    def embedding_model_params(self) -> dict[str, Any]:
        return {"embeddings": HashEmbeddings()}


class TestEmbeddings(OfEmbeddings, EmbeddingsUnitTests):
    """The embeddings, without running them."""


class TestEmbeddingsEmbedding(OfEmbeddings, EmbeddingsIntegrationTests):
    """The embeddings, running."""


def test_usage_is_counted_by_callbacks_and_traces_name_the_model() -> None:
    chat = MemoryChat(memory_model=model(), memory=memory(), max_new_tokens=7)
    with get_usage_metadata_callback() as counted:
        chat.invoke("Hello")
        "".join(str(piece.content) for piece in chat.stream("Hello"))
    used = counted.usage_metadata["tiny-llama"]
    assert used["output_tokens"] == 14
    assert used["input_tokens"] > 0
    known = chat._get_ls_params(stop=["."])
    assert (known["ls_model_name"], known["ls_max_tokens"], known["ls_stop"]) == ("tiny-llama", 7, ["."])


def test_a_chat_honours_the_options_of_a_call() -> None:
    chat = MemoryChat(memory_model=model(), memory=memory(), max_new_tokens=24)
    whole = str(chat.invoke("Hello").content)
    stop = whole[5:8]
    for bound in (chat.bind(stop=[stop]), chat.model_copy(update={"stop": [stop]})):
        cut = whole.partition(stop)[0]
        assert bound.invoke("Hello").content == cut
        assert "".join(str(piece.content) for piece in bound.stream("Hello")) == cut
    for name in ("max_tokens", "max_new_tokens"):
        for answer in (chat.invoke("Hello", **{name: 5}), chat.bind(**{name: 5}).invoke("Hello")):
            assert answer.usage_metadata["output_tokens"] == 5
            assert answer.response_metadata["finish_reason"] == "length"
    assert chat.invoke("Hello", temperature=1.8).content != whole
    for wrong in ({"top_k": 1}, {"temperature": 3}, {"max_tokens": 0}):
        with pytest.raises(InputError, match=next(iter(wrong))):
            chat.invoke("Hello", **wrong)
