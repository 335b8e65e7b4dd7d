"""The LangChain components, over a tiny model."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.document_loaders import BaseLoader
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, HumanMessage, ToolCall
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda, RunnableParallel
from langchain_core.tools import BaseTool
from langgraph.graph import START, StateGraph
from langgraph.graph.message import MessagesState

from memorag_graph.citation_annotations import annotations
from memorag_graph.documents import from_langchain
from memorag_graph.errors import InputError, MemoryFileError
from memorag_graph.graph import MemoragGraph, build_graph
from memorag_graph.langchain.chain import memorag_chain
from memorag_graph.langchain.chat_model import memory_chat
from memorag_graph.langchain.retriever import MemoRAGRetriever
from memorag_graph.langchain.runnable import MemoRAGRunnable
from memorag_graph.langchain.subagent import memorag_subagent
from memorag_graph.langchain.tool import memorag_tool
from memorag_graph.memory.memory_chat import to_turns
from memorag_graph.registry import Registry
from memorag_graph.text.stop_sequences import StopSequences, before_stop
from tests.conftest import TEXT, TINY

QUESTION = "Who was proud of the harbour at Thorle?"
REPLY = "Captain Struan was proud of the harbour at Thorle [1]. So was nobody else [2]."
WRITING = TINY.model_copy(update={"generator": "writer"})


@pytest.fixture
def graph(registry: Registry) -> MemoragGraph:
    registry.add_chat_model("writer", GenericFakeChatModel(messages=iter(lambda: AIMessage(REPLY), None)))
    return build_graph(registry)


@pytest.fixture
def memory_id(graph: MemoragGraph) -> str:
    memory_id: str = graph.invoke({"context": TEXT, "query": QUESTION}, context=TINY)["memory_id"]  # type: ignore[call-overload]
    return memory_id


@pytest.mark.parametrize("task_type", ["memorag", "qa", "summarize"])
@pytest.mark.parametrize("options", [TINY, WRITING], ids=["extractive", "writer"])
def test_the_sum_of_a_stream_equals_the_result_of_invoke(
    graph: MemoragGraph, memory_id: str, options: Any, task_type: str
) -> None:
    ask = MemoRAGRunnable(graph=graph, options=options)
    given = {"memory_id": memory_id, "query": QUESTION, "task_type": task_type}
    whole = ask.invoke(given)
    pieces = list(ask.stream(given))
    total = pieces[0]
    for piece in pieces[1:]:
        total = total + piece
    keys = {"answer", "citations", "notices", "spans", "surrogates", "outline", "evidence", "basis", "question"}
    assert total["answer"].strip() == whole["answer"]
    assert {key: total[key] for key in keys - {"answer"}} == {key: whole[key] for key in keys - {"answer"}}
    if options is WRITING and task_type != "qa":
        assert [piece["answer"] for piece in pieces[:-1]] == [word for word in REPLY.replace(" ", "\0 \0").split("\0")]


def test_async_returns_the_same(graph: MemoragGraph, memory_id: str) -> None:
    ask = MemoRAGRunnable(graph=graph, options=WRITING)
    given = {"memory_id": memory_id, "query": QUESTION}

    async def run() -> tuple[Any, list[Any]]:
        return await ask.ainvoke(given), [piece async for piece in ask.astream(given)]

    whole, pieces = asyncio.run(run())
    assert whole["answer"] == "".join(piece["answer"] for piece in pieces) == REPLY


def test_options_come_from_configurable(graph: MemoragGraph, memory_id: str) -> None:
    ask = MemoRAGRunnable(graph=graph, options=TINY)
    given = {"memory_id": memory_id, "query": QUESTION}
    assert len(ask.invoke(given, {"configurable": {"evidence_tokens": 40, "hits": 1}})["evidence"]) == 1
    assert len(ask.invoke(given)["evidence"]) > 1
    with pytest.raises(InputError, match="hits"):
        ask.invoke(given, {"configurable": {"hits": 0}})
    fixed = MemoRAGRunnable(graph=graph, options=TINY, configurable=frozenset({"hits"}))
    assert {spec.id for spec in fixed.config_specs} == {"hits"}
    with pytest.raises(InputError, match="model: cannot be set"):
        fixed.invoke(given, {"configurable": {"model": "another"}})


def test_a_chain_replaces_a_chat_model(graph: MemoragGraph, memory_id: str) -> None:
    chain = memorag_chain(memory_id, graph=graph, options=WRITING)
    prompt = ChatPromptTemplate([("system", "Be short."), ("human", "Who was proud of {place}?")])
    text = prompt | chain | StrOutputParser()
    assert text.invoke({"place": "Thorle"}) == REPLY
    assert "".join(text.stream({"place": "Thorle"})) == REPLY
    assert len(list(text.stream({"place": "Thorle"}))) > 5
    assert text.batch([{"place": "Thorle"}, {"place": "Averil"}]) == [REPLY, REPLY]
    message = chain.invoke([HumanMessage(QUESTION)])
    assert message.response_metadata["citations"][0]["number"] == 1
    assert message.response_metadata["question"] == QUESTION
    assert (prompt | chain).invoke({"place": "Thorle"}).response_metadata["question"] == "Who was proud of Thorle?"
    assert chain.invoke({"query": QUESTION, "task_type": "qa"}).response_metadata["basis"] == "memory"


def test_a_chain_in_parallel_with_fallbacks_and_retry(graph: MemoragGraph, memory_id: str) -> None:
    chain = memorag_chain(memory_id, graph=graph, options=WRITING)
    retriever = MemoRAGRetriever(memory_id=memory_id, graph=graph, options=TINY)
    both = RunnableParallel(answer=chain | StrOutputParser(), evidence=retriever).invoke(QUESTION)
    assert both["answer"] == REPLY
    assert [it.metadata["number"] for it in both["evidence"]] == list(range(1, len(both["evidence"]) + 1))
    missing = memorag_chain("unknown", graph=graph, options=WRITING)
    assert missing.with_fallbacks([chain]).invoke(QUESTION).content == REPLY
    attempts = []

    def flaky(question: str) -> str:
        attempts.append(question)
        if len(attempts) < 3:
            raise ConnectionError
        return question

    assert (RunnableLambda(flaky) | chain).with_retry(wait_exponential_jitter=False).invoke(QUESTION).content == REPLY


def test_concurrent_callers_of_a_chain_get_the_answers_of_single_ones(graph: MemoragGraph, memory_id: str) -> None:
    chain = memorag_chain(memory_id, graph=graph, options=TINY, task_type="qa") | StrOutputParser()
    questions = [f"How many lorries were there in {year}?" for year in range(1990, 1998)]
    assert chain.batch(questions) == [chain.invoke(question) for question in questions]


class Recorder(BaseCallbackHandler):
    """Records the names of chains and the tags of chat models that run."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.tags: list[list[str]] = []

    def on_chain_start(self, *args: Any, name: str = "", **kwargs: Any) -> None:
        self.names.append(name)

    def on_chat_model_start(self, *args: Any, tags: list[str], **kwargs: Any) -> None:
        self.tags.append(tags)


def test_the_retriever_returns_the_evidence_without_generating_an_answer(graph: MemoragGraph, memory_id: str) -> None:
    retriever = MemoRAGRetriever(memory_id=memory_id, graph=graph, options=TINY)
    expected = graph.invoke({"memory_id": memory_id, "query": QUESTION}, context=TINY)  # type: ignore[call-overload]
    seen = Recorder()
    found = retriever.invoke(QUESTION, {"callbacks": [seen]})
    assert [(it.page_content, it.metadata) for it in found] == [
        (it.page_content, it.metadata) for it in expected["evidence"]
    ]
    assert {query["kind"] for it in found for query in it.metadata["queries"]} >= {"question"}
    assert {"memorize", "recall", "rewrite", "retrieve"} <= set(seen.names)
    assert "generate" not in seen.names
    assert asyncio.run(retriever.ainvoke(QUESTION)) == found


def test_the_tool_returns_the_answer_as_content_and_the_result_as_artifact(graph: MemoragGraph, memory_id: str) -> None:
    tool = memorag_tool(memory_id, graph=graph, options=TINY)
    assert set(tool.args) == {"question", "task_type"}
    call = ToolCall(name=tool.name, args={"question": QUESTION}, id="1", type="tool_call")
    for message in (tool.invoke(call), asyncio.run(tool.ainvoke(call))):
        assert message.artifact["citations"]
        for citation in message.artifact["citations"]:
            assert TEXT[citation["start"] : citation["end"]] == citation["quote"]
            assert citation["quote"] in message.content


def test_the_graph_is_a_subgraph_that_shares_messages(graph: MemoragGraph, memory_id: str) -> None:
    outer = StateGraph(MessagesState)
    outer.add_node("ask", build_graph_with_memory(graph, memory_id))
    outer.add_edge(START, "ask")
    result = outer.compile().invoke({"messages": [HumanMessage(QUESTION)]})
    assert [message.type for message in result["messages"]] == ["human", "ai"]
    assert result["messages"][-1].text == REPLY
    assert result["messages"][-1].response_metadata["citations"]


def build_graph_with_memory(graph: MemoragGraph, memory_id: str) -> Any:
    return graph.bind(context=WRITING.model_copy(update={"memory_id": memory_id}))


def test_a_conversation_is_input_and_output(graph: MemoragGraph, memory_id: str) -> None:
    options = WRITING.model_copy(update={"memory_id": memory_id})
    first = graph.invoke({"messages": [("user", QUESTION)]}, context=options)  # type: ignore[call-overload]
    assert first["question"] == QUESTION
    assert [message.text for message in first["messages"]] == [QUESTION, REPLY]
    asked = graph.invoke({"query": QUESTION}, context=options)  # type: ignore[call-overload]
    assert [message.text for message in asked["messages"]] == [QUESTION, REPLY]
    with pytest.raises(InputError, match="query"):
        graph.invoke({"messages": first["messages"]}, context=options)  # type: ignore[call-overload]


@pytest.mark.parametrize("task_type", ["memorag", "qa", "summarize"])
@pytest.mark.parametrize("options", [TINY, WRITING], ids=["extractive", "writer"])
def test_every_answer_is_streamed_as_one_message(
    graph: MemoragGraph, memory_id: str, options: Any, task_type: str
) -> None:
    given = {"memory_id": memory_id, "query": QUESTION, "task_type": task_type}
    streamed: dict[str, str] = {}
    result: dict[str, Any] = {}
    for mode, event in graph.stream(given, context=options, stream_mode=["messages", "values"]):  # type: ignore[call-overload]
        if mode == "values":
            result = event
        elif isinstance(event[0], AIMessage):
            streamed[event[0].id or ""] = streamed.get(event[0].id or "", "") + event[0].text
    assert [text.strip() for text in streamed.values()] == [result["answer"]]
    assert result["messages"][-1].id in streamed


def test_a_chat_model_continues_the_memory(graph: MemoragGraph, registry: Registry, memory_id: str) -> None:
    chat = memory_chat(memory_id, registry=registry, options=TINY)
    prompt = ChatPromptTemplate.from_template("Name the captain of {place}.")
    chain = prompt | chat | StrOutputParser()
    whole = chain.invoke({"place": "Thorle"})
    assert whole == "".join(chain.stream({"place": "Thorle"})).strip()
    assert chain.batch([{"place": "Thorle"}] * 3) == [whole] * 3
    seen = Recorder()

    async def run() -> AIMessage:
        return await chat.ainvoke("Name the captain of Thorle.", {"callbacks": [seen], "tags": ["mine"]})

    message = asyncio.run(run())
    assert message.text == whole
    assert seen.tags == [["mine"]]
    assert message.usage_metadata is not None
    turn = registry.open(memory_id, TINY).model.turn_tokens(
        chat.memory, to_turns([HumanMessage(prompt.format(place="Thorle")[7:])])
    )
    assert message.usage_metadata["input_tokens"] == len(turn)
    assert 0 < message.usage_metadata["output_tokens"] <= TINY.max_new_tokens
    with pytest.raises(InputError, match="shard"):
        memory_chat(memory_id, shard=1, registry=registry, options=TINY)


def test_a_loader_of_the_community_is_read(graph: MemoragGraph, tmp_path: Any) -> None:
    from langchain_community.document_loaders import TextLoader

    path = tmp_path / "letters.txt"
    path.write_text(TEXT, encoding="utf-8")
    given = {"documents": TextLoader(str(path)).load(), "query": QUESTION}
    result = graph.invoke(given, context=TINY)  # type: ignore[call-overload]
    assert {citation["source"] for citation in result["citations"]} == {str(path)}


class Pages(BaseLoader):
    def lazy_load(self) -> Iterator[Document]:
        half = len(TEXT) // 2
        yield Document(TEXT[:half], metadata={"source": "report.pdf", "page": 0})
        yield Document("The harbour at Quill is closed.", metadata={"source": "notice.txt"})
        yield Document(TEXT[half:], metadata={"source": "report.pdf", "page": 1})


def test_documents_of_a_loader_are_memorized_by_source(graph: MemoragGraph) -> None:
    loaded = Pages().load()
    result = graph.invoke({"documents": loaded, "query": QUESTION}, context=TINY)  # type: ignore[call-overload]
    texts = {document.source: document.text for document in from_langchain(loaded)}
    assert list(texts) == ["report.pdf", "notice.txt"]
    assert all(texts[it["source"]][it["start"] : it["end"]] == it["quote"] for it in result["citations"])
    with pytest.raises(InputError, match="contains no text"):
        graph.invoke({"documents": [Document(" ")], "query": QUESTION}, context=TINY)  # type: ignore[call-overload]


def test_a_vector_store_replaces_the_index(registry: Registry, tmp_path: Any) -> None:
    from langchain_qdrant import QdrantVectorStore
    from qdrant_client import QdrantClient
    from qdrant_client.models import Distance, VectorParams

    client = QdrantClient(path=str(tmp_path / "qdrant"))

    def open_store(name: str, embeddings: Embeddings) -> QdrantVectorStore:
        if not client.collection_exists(name):
            size = len(embeddings.embed_query("size"))
            client.create_collection(name, VectorParams(size=size, distance=Distance.COSINE))
        return QdrantVectorStore(client, name, embeddings)

    registry.add_vector_store("qdrant", open_store)
    graph, options = build_graph(registry), TINY.model_copy(update={"index": "qdrant"})
    flat = graph.invoke({"context": TEXT, "query": QUESTION}, context=TINY)  # type: ignore[call-overload]
    kept = graph.invoke({"context": TEXT, "query": QUESTION}, context=options)  # type: ignore[call-overload]
    assert kept["memory_id"] != flat["memory_id"]
    assert [it.page_content for it in kept["evidence"]] == [it.page_content for it in flat["evidence"]]
    assert not (registry.store.directory(kept["memory_id"]) / "index.bin").exists()
    registry.forget(kept["memory_id"])
    again = graph.invoke({"memory_id": kept["memory_id"], "query": QUESTION}, context=TINY)  # type: ignore[call-overload]
    assert again["answer"] == kept["answer"]
    assert client.count(kept["memory_id"]).count == kept["memory"]["chunks"]
    client.delete_collection(kept["memory_id"])
    registry.forget(kept["memory_id"])
    with pytest.raises(MemoryFileError, match="vector store"):
        graph.invoke({"memory_id": kept["memory_id"], "query": QUESTION}, context=TINY)  # type: ignore[call-overload]


def test_a_memory_without_an_index_answers_from_memory_only(registry: Registry) -> None:
    graph, options = build_graph(registry), TINY.model_copy(update={"index": "none", "embedding_model": ""})
    result = graph.invoke({"context": TEXT, "query": QUESTION, "task_type": "qa"}, context=options)  # type: ignore[call-overload]
    assert result["answer"]
    assert result["citations"] == []
    registry.forget(result["memory_id"])
    for known in (result["memory_id"], None):
        given = {"memory_id": known} if known else {"context": TEXT}
        with pytest.raises(InputError, match="no index"):
            graph.invoke({**given, "query": QUESTION}, context=options)  # type: ignore[call-overload]
    with pytest.raises(InputError, match="index: 'qdrant' is unknown"):
        graph.invoke({"context": TEXT, "query": QUESTION}, context=TINY.model_copy(update={"index": "qdrant"}))  # type: ignore[call-overload]


def test_a_relative_directory_is_resolved_when_it_is_given(
    graph: MemoragGraph, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    given = {"context": TEXT[:700], "query": QUESTION, "task_type": "lookup", "save_dir": "kept"}
    answer = graph.invoke(given, context=TINY)["answer"]  # type: ignore[call-overload]
    chain = memorag_chain("kept", graph=graph, options=TINY, task_type="lookup")
    retriever = MemoRAGRetriever(memory_id="kept", graph=graph, options=TINY, task_type="lookup")
    tool = memorag_tool("kept", graph=graph, options=TINY)
    chat = memory_chat("kept", registry=registry, options=TINY)
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert chain.invoke(QUESTION).text == answer
    assert retriever.invoke(QUESTION)
    assert answer in tool.invoke({"question": QUESTION, "task_type": "lookup"})
    assert chat.invoke(QUESTION).text


def test_errors_are_returned_to_the_agent_as_messages(graph: MemoragGraph, memory_id: str) -> None:
    def ask(tool: BaseTool, **given: str) -> str:
        call = ToolCall(name=tool.name, args=given, id="1", type="tool_call")
        messages = [tool.invoke(call), asyncio.run(tool.ainvoke(call))]
        assert [message.status for message in messages] == ["error", "error"]
        return str(messages[0].content)

    tool = memorag_tool(memory_id, graph=graph, options=TINY)
    assert "question" in ask(tool)
    assert "query" in ask(tool, question=" ")
    assert "task_type" in ask(tool, question=QUESTION, task_type="translate")
    assert "does not exist" in ask(memorag_tool("0" * 32, graph=graph, options=TINY), question=QUESTION)
    assert tool.invoke(QUESTION)


def test_citations_are_annotations_of_the_content_block(graph: MemoragGraph, memory_id: str) -> None:
    chain = memorag_chain(memory_id, graph=graph, options=WRITING)
    whole, pieces = chain.invoke(QUESTION), list(chain.stream(QUESTION))
    total = pieces[0]
    for piece in pieces[1:]:
        total = total + piece
    last = MemoRAGRunnable(graph=graph, options=WRITING).invoke({"memory_id": memory_id, "query": QUESTION})
    for message in (whole, total, last["messages"][-1]):
        assert message.content == REPLY
        (block,) = message.content_blocks
        assert block["text"] == REPLY
        marked = [REPLY[note["start_index"] : note["end_index"]] for note in block["annotations"]]
        assert marked == ["Captain Struan was proud of the harbour at Thorle [1]", "So was nobody else [2]"]
        for note, citation in zip(block["annotations"], message.response_metadata["citations"], strict=True):
            extras = note["extras"]
            assert TEXT[extras["start"] : extras["end"]] == note["cited_text"] == citation["quote"]
            assert note["title"] == citation["source"]
    address = whole.content_blocks[0]["annotations"][0]["url"]
    citation = whole.response_metadata["citations"][0]
    assert address == f"memorag://{memory_id}/context#char={citation['start']},{citation['end']}"


def test_statements_are_found_by_their_marks() -> None:
    text = "It sank. That was 1990 [1], and later 1991 [2][3]. 船沉了[2]。 Nobody knew. [1]"
    cited = [
        {"number": number, "source": "http://a.b/c", "start": 0, "end": 4, "quote": "q"} for number in (1, 2, 3, 2, 1)
    ]
    notes = annotations(text, [*cited, {**cited[0], "number": 9}])
    assert [text[note["start_index"] : note["end_index"]] for note in notes[:-1]] == [
        "That was 1990 [1]",
        ", and later 1991 [2]",
        ", and later 1991 [2][3]",
        "船沉了[2]",
        "Nobody knew. [1]",
    ]
    assert "start_index" not in notes[-1]
    assert notes[0]["url"] == "http://a.b/c"


def test_options_of_a_call_are_honoured(graph: MemoragGraph, memory_id: str) -> None:
    chain = memorag_chain(memory_id, graph=graph, options=WRITING)
    cut = "Captain Struan was proud of the harbour at Thorle [1]."
    bound = chain.bind(stop=[" So was"])
    whole = bound.invoke(QUESTION)
    assert whole.content == cut
    assert [citation["number"] for citation in whole.response_metadata["citations"]] == [1]
    assert "".join(str(piece.content) for piece in bound.stream(QUESTION)) == cut
    assert asyncio.run(bound.ainvoke(QUESTION)).content == cut
    assert [message.content for message in bound.batch([QUESTION])] == [cut]
    assert chain.invoke(QUESTION, stop=" So was").content == cut
    prompt = ChatPromptTemplate([("human", "{question}")])
    assert (prompt | bound | StrOutputParser()).invoke({"question": QUESTION}) == cut
    assert chain.invoke(QUESTION, temperature=1, max_tokens=5000).content == REPLY
    recalling = memorag_chain(memory_id, graph=graph, options=TINY, task_type="qa")
    for name in ("max_tokens", "max_new_tokens"):
        answer = recalling.bind(**{name: 11}).invoke(QUESTION)
        assert answer.response_metadata["tokens"]["draft_answer"] == 11
    refused = (({"top_k": 3}, "top_k: is no option"), ({"temperature": 9}, "temperature"), ({"stop": [""]}, "stop"))
    for wrong, reason in (*refused, ({"max_tokens": 20, "max_new_tokens": 30}, "means the same")):
        with pytest.raises(InputError, match=reason):
            chain.invoke(QUESTION, **wrong)


@pytest.mark.parametrize("text", ["one, two, three", "two", "", "ontwtwo", "twtw"])
@pytest.mark.parametrize("stop", [["two"], ["two", "tw"], ["three", "e,"], ["zzz"], []])
def test_pieces_end_where_the_whole_ends(text: str, stop: list[str]) -> None:
    first = min((at for it in stop if (at := text.find(it)) >= 0), default=len(text))
    assert before_stop(text, stop) == text[:first]
    for size in (1, 2, 3):
        pieces = StopSequences(stop)
        read = [pieces.read(text[at : at + size]) for at in range(0, len(text), size)]
        assert "".join([*read, pieces.rest()]) == text[:first]


def test_one_bad_input_of_a_batch_loses_nothing_else(graph: MemoragGraph, registry: Registry, memory_id: str) -> None:
    chain = memorag_chain(memory_id, graph=graph, options=WRITING)
    bad: Any = [AIMessage("Not a question.")]
    first, failed, last = chain.batch([QUESTION, bad, QUESTION], return_exceptions=True)
    assert isinstance(failed, InputError)
    assert [message.content for message in (first, last)] == [REPLY, REPLY]
    runnable = MemoRAGRunnable(graph=graph, options=WRITING)
    given = {"memory_id": memory_id, "query": QUESTION}
    results: Any = runnable.batch([given, {**given, "query": ""}, given], return_exceptions=True)
    assert [isinstance(it, InputError) for it in results] == [False, True, False]
    retriever = MemoRAGRetriever(memory_id=memory_id, graph=graph, options=TINY, task_type="lookup")
    chat = memory_chat(memory_id, registry=registry, options=TINY)
    for door, good, bad in (
        (graph.with_config(configurable=TINY.model_dump(exclude_unset=True)), given, {"query": ""}),
        (retriever, QUESTION, " "),
        (chat, QUESTION, []),
    ):
        found = door.batch([good, bad, good], return_exceptions=True)
        assert [isinstance(it, InputError) for it in found] == [False, True, False]
        found = asyncio.run(door.abatch([good, bad, good], return_exceptions=True))
        assert [isinstance(it, InputError) for it in found] == [False, True, False]


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"hits": 0}, "hits: input should be greater than or equal to 1, not 0"),
        ({"hit": 7}, "hit: unknown key"),
        (7, "options: must be RunOptions or a mapping of options, not int"),
    ],
)
def test_every_door_checks_its_options_with_our_own_error(
    registry: Registry, memory_id: str, options: Any, error: str
) -> None:
    doors: list[Callable[..., Any]] = [memorag_chain, memorag_tool, memorag_subagent]
    doors += [lambda memory_id, options: memory_chat(memory_id, registry=registry, options=options)]
    doors += [lambda memory_id, options: MemoRAGRetriever(memory_id=memory_id, options=options)]
    doors += [lambda memory_id, options: MemoRAGRunnable(options=options)]
    for door in doors:
        with pytest.raises(InputError) as refused:
            door(memory_id, options=options)
        assert str(refused.value) == error
        assert door(memory_id, options=TINY.model_dump(exclude_unset=True)), "a mapping of options is taken"
