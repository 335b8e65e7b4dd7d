"""The graph as a runnable that streams the answer and takes its options from LangChain's ``configurable`` fields."""

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForChainRun, CallbackManagerForChainRun
from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableConfig, RunnableSerializable
from langchain_core.runnables.utils import AddableDict, ConfigurableFieldSpec
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import StreamMode
from pydantic import ConfigDict, Field

from memorag_graph.call_options import CallOptions
from memorag_graph.errors import InputError
from memorag_graph.graph import graph as default_graph
from memorag_graph.langchain.cut_answer import cut_result
from memorag_graph.langchain.given_options import given_options
from memorag_graph.settings import MOST_TOKENS, RunOptions, run_options
from memorag_graph.text.stop_sequences import StopSequences

ANSWERING_NODES = frozenset({"generate", "draft_answer"})
"""Nodes whose messages are answers."""

AnyGraph = CompiledStateGraph[Any, Any, Any, Any]

_MODES: list[StreamMode] = ["messages", "values"]


class MemoRAGRunnable(RunnableSerializable[dict[str, Any], AddableDict]):
    """Runs the graph: takes its input and returns its output.

    The stream yields the answer's text as ``{"answer": piece}`` while it is generated, and all other output at the
    end; the sum of all pieces equals the result of ``invoke``.

    Options named in ``config["configurable"]`` take precedence over :attr:`options`, and those of the call over both:
    ``max_tokens`` (or ``max_new_tokens``), ``temperature`` and ``stop``, as in ``bind(stop=["###"])``.

    Example:
        >>> ask = MemoRAGRunnable(options=RunOptions(memory_id=memory_id))
        >>> result = ask.invoke({"query": "Who rebuilt the lighthouse?", "task_type": "lookup"})
        >>> "Captain Petrie rebuilt it in stone. [1]" in result["answer"]
        True
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    graph: AnyGraph = Field(default=default_graph, exclude=True, repr=False)
    options: RunOptions = Field(default_factory=RunOptions)
    configurable: frozenset[str] = frozenset(RunOptions.model_fields)
    """Options that a caller may set; the others are fixed by :attr:`options`."""

    def __init__(self, **fields: Any) -> None:  # noqa: ANN401 - its fields
        """Check the options.

        Raises:
            InputError: If one is unknown, out of range or of the wrong type.
        """
        super().__init__(**fields | {"options": given_options(fields.get("options"))})

    @property
    def config_specs(self) -> list[ConfigurableFieldSpec]:
        """Options that a caller may set, as shown by LangChain and LangServe."""
        fields = {name: field for name, field in RunOptions.model_fields.items() if name in self.configurable}
        return [
            ConfigurableFieldSpec(name, field.annotation, name, field.description, getattr(self.options, name))
            for name, field in fields.items()
        ]

    def invoke(
        self,
        input: Any,  # noqa: ANN401 - subclasses take more
        config: RunnableConfig | None = None,
        **kwargs: Any,  # noqa: ANN401 - LangChain's interface
    ) -> AddableDict:
        """Answer a question.

        Raises:
            InputError: If the input or an option is invalid.
        """
        call = CallOptions.of(kwargs)

        def run(inputs: dict[str, Any], run_manager: CallbackManagerForChainRun, config: RunnableConfig) -> AddableDict:
            result = self.graph.invoke(inputs, config, context=self._chosen(config, call))
            return AddableDict(cut_result(result, call.stop))

        return self._call_with_config(run, self.graph_input(input), config)

    async def ainvoke(
        self,
        input: Any,  # noqa: ANN401 - subclasses take more
        config: RunnableConfig | None = None,
        **kwargs: Any,  # noqa: ANN401 - LangChain's interface
    ) -> AddableDict:
        """Answer a question without blocking the event loop; models run in threads."""
        call = CallOptions.of(kwargs)

        async def run(
            inputs: dict[str, Any], run_manager: AsyncCallbackManagerForChainRun, config: RunnableConfig
        ) -> AddableDict:
            result = await self.graph.ainvoke(inputs, config, context=self._chosen(config, call))
            return AddableDict(cut_result(result, call.stop))

        return await self._acall_with_config(run, self.graph_input(input), config)

    def stream(
        self,
        input: Any,  # noqa: ANN401 - subclasses take more
        config: RunnableConfig | None = None,
        **kwargs: Any,  # noqa: ANN401 - LangChain's interface
    ) -> Iterator[AddableDict]:
        """Answer a question piece by piece."""
        call = CallOptions.of(kwargs)

        def run(
            inputs: Iterator[dict[str, Any]], run_manager: CallbackManagerForChainRun, config: RunnableConfig
        ) -> Iterator[AddableDict]:
            pieces, options = _Pieces(call.stop), self._chosen(config, call)
            for graph_input in inputs:
                for event in self.graph.stream(graph_input, config, context=options, stream_mode=_MODES):
                    yield from pieces.read(event)
            yield pieces.rest()

        yield from self._transform_stream_with_config(iter([self.graph_input(input)]), run, config)

    async def astream(
        self,
        input: Any,  # noqa: ANN401 - subclasses take more
        config: RunnableConfig | None = None,
        **kwargs: Any,  # noqa: ANN401 - LangChain's interface
    ) -> AsyncIterator[AddableDict]:
        """Answer a question piece by piece without blocking the event loop."""
        call = CallOptions.of(kwargs)

        async def inputs() -> AsyncIterator[dict[str, Any]]:
            yield self.graph_input(input)

        async def run(
            inputs: AsyncIterator[dict[str, Any]], run_manager: AsyncCallbackManagerForChainRun, config: RunnableConfig
        ) -> AsyncIterator[AddableDict]:
            pieces, options = _Pieces(call.stop), self._chosen(config, call)
            async for graph_input in inputs:
                stream = self.graph.astream(graph_input, config, context=options, stream_mode=_MODES)
                async for event in stream:
                    for piece in pieces.read(event):
                        yield piece
            yield pieces.rest()

        async for piece in self._atransform_stream_with_config(inputs(), run, config):
            yield piece

    def graph_input(self, given: Any) -> dict[str, Any]:  # noqa: ANN401 - subclasses take more
        """Return the graph's input for what a caller gives.

        Raises:
            InputError: If it is no input.
        """
        return dict(given)

    def _chosen(self, config: RunnableConfig, call: CallOptions) -> RunOptions:
        """Return the options of a run.

        Args:
            config: Its config.
            call: The options of the call.

        Raises:
            InputError: If an option is invalid, or the caller may not set it.
        """
        changes = {
            name: value for name, value in config.get("configurable", {}).items() if name in RunOptions.model_fields
        }
        changes |= call.changes(MOST_TOKENS)
        for name in changes:
            if name not in self.configurable and changes[name] != getattr(self.options, name):
                raise InputError(name, "cannot be set here; it was fixed at startup")
        return run_options({**self.options.model_dump(), **changes}) if changes else self.options


class _Pieces:
    """Converts the graph's events to pieces of its output.

    Args:
        stop: Sequences before which the answer ends.
    """

    def __init__(self, stop: list[str]) -> None:
        self._shown = ""
        self._stop = StopSequences(stop)
        self._sequences = stop
        self._result: Mapping[str, Any] = {}

    def read(self, event: Any) -> Iterator[AddableDict]:  # noqa: ANN401 - LangGraph's interface
        """Yield the text that an event adds to the answer."""
        mode, content = event
        if mode == "values":
            self._result = content
            return
        message, metadata = content
        is_answer = isinstance(message, AIMessage) and metadata.get("langgraph_node") in ANSWERING_NODES
        if is_answer and (text := self._stop.read(message.text)):
            self._shown += text
            yield AddableDict(answer=text)

    def rest(self) -> AddableDict:
        """Return the rest of the output; if another answer replaced the streamed one, it follows after a blank line."""
        result = cut_result(self._result, self._sequences)
        answer, held = str(result.get("answer", "")), self._stop.rest()
        if self._shown.strip() == answer.strip():
            return AddableDict({**result, "answer": ""})
        if (self._shown + held).strip() == answer.strip():
            return AddableDict({**result, "answer": held})
        between = "\n\n" if self._shown else ""
        return AddableDict({**result, "answer": f"{between}{answer}"})
