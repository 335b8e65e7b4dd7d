"""What a memory contributes to a question: recalled spans, surrogate questions, a draft answer, an outline.

Each function asks a chat model that continues the memory. What comes back is recalled, not verified.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.runnables import RunnableConfig

from memorag_graph.clues.parsing import parse_clues, supported_by
from memorag_graph.memory.chat import MemoryChat
from memorag_graph.memory.digest import central_sentences
from memorag_graph.memory.gists import Gist
from memorag_graph.prompts import Prompts
from memorag_graph.sentences import split_sentences

MOST_CLUES = 5
MOST_POINTS = 8
FEWEST_POINTS = 4

_CLUE_TOKENS = 128
_POINT_TOKENS = 256
_NO_REPEAT = 12
_LIST_START = "1."
"""Small models fall into prose unless the list is begun for them."""

_SPAN_SUPPORT = 0.6
_POINT_SUPPORT = 0.5


@dataclass(frozen=True, slots=True)
class Recalled:
    """What the memory model wrote, and at what cost.

    Attributes:
        items: The clues, or the one answer.
        new_tokens: Tokens written.
    """

    items: tuple[str, ...]
    new_tokens: int


class Recollection:
    """Asks one memory about one document in the prompts of its language.

    Args:
        chat: Continues the memory.
        prompts: The prompts to use.
        gists: The memory's gists.
    """

    def __init__(self, chat: MemoryChat, prompts: Prompts, gists: Sequence[Gist]) -> None:
        self._chat = chat
        self._prompts = prompts
        self._gists = gists

    def recall(self, question: str, config: RunnableConfig | None = None) -> Recalled:
        """Recall spans of the document that bear on a question; what the memory does not hold is dropped."""
        reply = self._list(self._prompts.fill("span", question=question), MOST_CLUES, _CLUE_TOKENS, config)
        is_supported = self._supported(_SPAN_SUPPORT)
        spans = [span for span in parse_clues(reply.text, question) if is_supported(span)]
        return _recalled(spans[:MOST_CLUES], reply)

    def rewrite(self, question: str, config: RunnableConfig | None = None) -> Recalled:
        """Rewrite a question into more specific ones."""
        reply = self._list(self._prompts.fill("sur", question=question), MOST_CLUES, _CLUE_TOKENS, config)
        return _recalled(parse_clues(reply.text, question)[:MOST_CLUES], reply)

    def answer(self, question: str, config: RunnableConfig | None = None) -> Recalled:
        """Answer a question from memory alone, within the chat's own longest answer."""
        prompt = self._prompts.fill("qa", question=question)
        reply = self._chat.model_copy(update={"no_repeat": _NO_REPEAT}).invoke([HumanMessage(prompt)], config)
        return _recalled([reply.text.strip()], reply)

    def outline(self, question: str, config: RunnableConfig | None = None) -> Recalled:
        """List the main points of the document, in its order.

        Points that the memory does not bear out are dropped; where too few are left, the memory's own central
        sentences, one of each section, take their place.
        """
        prompt = self._prompts.fill("sum", question=question)
        reply = self._list(prompt, MOST_POINTS, _POINT_TOKENS, config)
        is_supported = self._supported(_POINT_SUPPORT)
        points = [point for point in parse_clues(reply.text, question) if is_supported(point)][:MOST_POINTS]
        if len(points) < FEWEST_POINTS:
            points = self._central_points()
        return _recalled(points, reply)

    def _central_points(self) -> list[str]:
        step = max(1, -(-len(self._gists) // MOST_POINTS))
        code = self._prompts.language.code
        central = [
            next(iter(central_sentences(split_sentences(gist.text, code))), None) for gist in self._gists[::step]
        ]
        return [sentence.text for sentence in central if sentence]

    def _supported(self, share: float) -> Callable[[str], bool]:
        return supported_by((gist.text for gist in self._gists), self._prompts.language.code, share)

    def _list(self, prompt: str, lines: int, tokens: int, config: RunnableConfig | None) -> AIMessage:
        chat = self._chat.model_copy(update={"max_lines": lines, "max_new_tokens": tokens, "no_repeat": _NO_REPEAT})
        return chat.invoke([HumanMessage(prompt), AIMessage(_LIST_START)], config)


def _recalled(items: Sequence[str], reply: BaseMessage) -> Recalled:
    usage = reply.usage_metadata if isinstance(reply, AIMessage) else None
    return Recalled(tuple(items), usage["output_tokens"] if usage else 0)
