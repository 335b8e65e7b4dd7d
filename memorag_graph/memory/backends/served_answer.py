"""The answers of a served model: whole, or as a stream."""

from collections.abc import Callable, Iterator

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages.ai import add_ai_message_chunks

from memorag_graph.memory.memory_model import Completion
from memorag_graph.models.thinking import stream_without_thinking, without_thinking
from memorag_graph.providers.usage import cached_tokens

Finished = Callable[[AIMessage], None]
"""Called with a whole reply."""


class ServedStream:
    """The answer of a served model; see :class:`memorag_graph.memory.memory_model.TextStream`.

    Args:
        chunks: The pieces of the reply.
        count: Counts the tokens of a reply whose server does not.
        finished: Called once with the whole reply.
    """

    def __init__(self, chunks: Iterator[AIMessage], count: Callable[[str], int], finished: Finished) -> None:
        self._chunks = chunks
        self._count = count
        self._finished = finished
        self._received = [AIMessageChunk(content="")]

    def __iter__(self) -> Iterator[str]:
        """Yield the answer's text piece by piece; pieces may be empty."""
        yield from stream_without_thinking(self._pieces())
        self._finished(add_ai_message_chunks(*self._received))

    @property
    def completion(self) -> Completion:
        """The complete answer, once it is finished."""
        return completion(add_ai_message_chunks(*self._received), self._count)

    def _pieces(self) -> Iterator[str]:
        for chunk in self._chunks:
            self._received.append(chunk if isinstance(chunk, AIMessageChunk) else _as_chunk(chunk))
            yield chunk.text


def completion(reply: AIMessage, count: Callable[[str], int]) -> Completion:
    """Return a reply as an answer; ``count`` counts the tokens if the server does not."""
    text = without_thinking(reply.text).strip()
    ended = reply.response_metadata.get("finish_reason") != "length"
    usage = reply.usage_metadata
    if usage is None:
        return Completion(text, 0, count(text), ended)
    return Completion(text, usage["input_tokens"], usage["output_tokens"], ended, cached_tokens(usage) or 0)


def _as_chunk(whole: AIMessage) -> AIMessageChunk:
    """Convert the answer of a chat model that does not stream into a chunk."""
    return AIMessageChunk(**whole.model_dump(exclude={"type"}))
