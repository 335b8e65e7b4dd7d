"""The graph inside graphs with a context of their own, and options by config."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NotRequired, TypedDict

import pytest
from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint, task
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.runtime import Runtime
from pydantic import BaseModel

from memorag_graph.context_options import options_of_run
from memorag_graph.errors import InputError
from memorag_graph.graph import MemoragGraph, build, build_graph
from memorag_graph.registry import Registry
from memorag_graph.settings import RunOptions
from memorag_graph.state import GraphState
from tests.conftest import TEXT, TINY

QUESTION = "Who was proud of the harbour at Thorle?"


class Context(TypedDict):
    user: str
    model: str
    memorag: NotRequired[dict[str, Any]]
    memory_id: NotRequired[str]


@dataclass
class DataContext:
    user: str = "ada"
    model: str = "another model, of the parent"
    memorag: RunOptions | None = None
    memory_id: str = ""


class ModelContext(BaseModel):
    user: str = "ada"
    model: str = "another model, of the parent"
    memorag: dict[str, Any] | None = None
    memory_id: str = ""


class PlainContext:
    def __init__(self, **values: Any) -> None:
        self.user = "ada"
        self.__dict__ |= values


def options(**more: Any) -> dict[str, Any]:
    return {**TINY.model_dump(exclude_unset=True), **more}


class State(TypedDict):
    context: NotRequired[str]
    memory_id: NotRequired[str]
    query: str
    task_type: NotRequired[str]
    answer: NotRequired[str]
    evidence: NotRequired[list[Any]]


def as_node(child: MemoragGraph) -> Any:
    return child


def as_call(child: MemoragGraph) -> Any:
    def ask(state: State) -> Any:
        return child.invoke(dict(state))

    return ask


def parent(node: Any, schema: Any) -> Any:
    builder = StateGraph(State, context_schema=schema)
    builder.add_node("ask", node)
    builder.add_edge(START, "ask")
    builder.add_edge("ask", END)
    return builder.compile()


@pytest.fixture
def child(registry: Registry) -> MemoragGraph:
    return build_graph(registry)


@pytest.fixture
def memory_id(child: MemoragGraph) -> str:
    found: str = child.invoke({"context": TEXT, "query": QUESTION, "task_type": "lookup"}, context=TINY)["memory_id"]  # type: ignore[call-overload]
    return found


CONTEXTS: list[tuple[Any, Callable[..., Any]]] = [
    (Context, lambda **values: {"user": "ada", "model": "another model, of the parent", **values}),
    (None, lambda **values: {"user": "ada", **values}),
    (DataContext, lambda **values: DataContext(**{**values, "memorag": RunOptions(**values["memorag"])})),
    (ModelContext, lambda **values: ModelContext(**values)),
    (None, PlainContext),
]


@pytest.mark.parametrize("way", [as_node, as_call])
@pytest.mark.parametrize(("schema", "make"), CONTEXTS)
def test_a_parent_s_context_of_any_type_is_no_obstacle_and_may_hold_options(
    child: MemoragGraph, memory_id: str, schema: Any, make: Callable[..., Any], way: Callable[..., Any]
) -> None:
    graph = parent(way(child), schema)
    context = make(memorag=options(evidence_tokens=64), memory_id=memory_id)
    result = graph.invoke({"query": QUESTION, "task_type": "lookup"}, context=context)
    direct = child.invoke(
        {"memory_id": memory_id, "query": QUESTION, "task_type": "lookup"},
        context=TINY.model_copy(update={"evidence_tokens": 64}),
    )
    assert result["answer"] == direct["answer"]
    assert [it.page_content for it in result["evidence"]] == [it.page_content for it in direct["evidence"]]


def seen_options(graph: Callable[[MemoragGraph], Any], **given: Any) -> RunOptions:
    """Return the options with which the graph runs within another."""
    seen: list[RunOptions] = []

    def scope_of(runtime: Runtime[Any]) -> Any:
        seen.append(options_of_run(runtime.context))
        raise InputError("seen", "enough")

    with pytest.raises(InputError, match="enough"):
        graph(build(scope_of).compile()).invoke({"query": QUESTION, "context": TEXT}, **given)
    return seen[0]


@pytest.mark.parametrize(
    "context", [{"user": "ada", "model": "theirs", "memory_id": None}, DataContext(), PlainContext(model="x"), 7, None]
)
def test_what_a_parent_s_context_holds_for_itself_is_left_to_it(context: Any) -> None:
    schema = DataContext if isinstance(context, DataContext) else None
    assert seen_options(lambda child: parent(child, schema), context=context) == RunOptions()


def test_options_may_stand_in_the_config() -> None:
    config: RunnableConfig = {"configurable": {"thread_id": "1", "evidence_tokens": 64, "model": "tiny"}}
    assert seen_options(lambda child: child, config=config) == RunOptions(evidence_tokens=64, model="tiny")
    assert seen_options(lambda child: child, context={"hits": 7}) == RunOptions(hits=7)
    preferred = {"config": config, "context": RunOptions(evidence_tokens=99)}
    assert seen_options(lambda child: child, **preferred) == RunOptions(evidence_tokens=99, model="tiny")
    own = {"configurable": {**config["configurable"], "memorag": {"temperature": 0.5}}}
    inside = seen_options(lambda child: parent(child, None), config=own)
    assert inside == RunOptions(evidence_tokens=64, temperature=0.5)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"context": {"evidence_token": 64}}, "evidence_token"),
        ({"context": {"evidence_tokens": "many"}}, "evidence_tokens"),
        ({"context": 7}, "context"),
        ({"context": ["hits"]}, "context"),
        ({"config": {"configurable": {"temperature": 9}}}, "temperature"),
        ({"config": {"configurable": {"memorag": {"bogus": 9}}}}, "bogus"),
        ({"config": {"configurable": {"memorag": "fast"}}}, "memorag"),
    ],
)
def test_bad_options_are_refused_by_name(child: MemoragGraph, given: dict[str, Any], field: str) -> None:
    with pytest.raises(InputError) as error:
        child.invoke({"context": TEXT, "query": QUESTION}, **given)
    assert error.value.field == field


def test_a_parent_holds_several_by_their_names(registry: Registry) -> None:
    parent = StateGraph(GraphState)
    for name in ("letters", "minutes"):
        parent.add_node(build_graph(registry, name=name))
    assert set(parent.nodes) == {"letters", "minutes"}


@pytest.mark.parametrize("saver", [None, InMemorySaver()], ids=["forgets", "remembers"])
async def test_a_parent_of_messages_only_holds_a_conversation(
    child: MemoragGraph, memory_id: str, saver: InMemorySaver | None
) -> None:
    builder = StateGraph(MessagesState)
    builder.add_node("ask", child)
    builder.add_edge(START, "ask")
    graph, config = builder.compile(checkpointer=saver), RunnableConfig(configurable={"thread_id": "1"})
    context: Any = {"memorag": options(memory_id=memory_id)}
    first = graph.invoke({"messages": [HumanMessage(QUESTION)]}, config, context=context)["messages"]
    second = await graph.ainvoke({"messages": [HumanMessage("And Inshay?")]}, config, context=context)
    assert "was proud of the harbour at Thorle" in first[-1].text
    assert first[-1].response_metadata["citations"]
    turns = ["human", "ai", "human", "ai"] if saver else ["human", "ai"]
    assert [it.type for it in second["messages"]] == turns


def test_a_workflow_of_functions_calls_the_graph(child: MemoragGraph, memory_id: str) -> None:
    given = {"memory_id": memory_id, "query": QUESTION, "task_type": "lookup"}

    @task
    def ask(query: str) -> str:
        return str(child.invoke({**given, "query": query}, context=TINY)["answer"])  # type: ignore[call-overload]

    @entrypoint()
    def workflow(query: str) -> str:
        return ask(query).result()

    assert workflow.invoke(QUESTION) == child.invoke(given, context=TINY)["answer"]  # type: ignore[call-overload]
