"""Have a chat model write a summary: in one go, or, where the evidence exceeds its window, part by part."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableConfig

from memorag_graph.generation.answer import GenerationInput
from memorag_graph.generation.chat_prompts import merging_prompt, messages_of, numbered, summary_prompt
from memorag_graph.generation.chat_window import ChatWindow
from memorag_graph.generation.summary.cover import SUMMARY_USUAL_TOKENS, summary_words
from memorag_graph.models.thinking import without_thinking
from memorag_graph.unstreamed import hidden

_SHORTEST_PART = 40
"""Fewest words that the summary of one part is asked for."""

_SPARE = 1.5
"""So many times the words of its share are asked for of each part: merging leaves out what is said twice."""

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Written:
    """What a chat model wrote.

    Attributes:
        reply: Its last message, which holds the summary.
        new_tokens: Tokens that it generated for this and for what came before.
    """

    reply: AIMessage
    new_tokens: int


class SummaryWriter:
    """Writes the summary of one request.

    If the evidence with the request fits the chat model's window, one prompt asks for the summary. Else consecutive
    passages are summarized in groups that fit (map), and these summaries are merged, as often as needed, into one
    (reduce); marks like ``[12]`` keep the numbers that the passages have in the whole evidence.

    Args:
        chat: The chat model.
        given: The request and its evidence.
        config: Config of the run; only the last message is streamed.
    """

    def __init__(self, chat: BaseChatModel, given: GenerationInput, config: RunnableConfig) -> None:
        self._chat = chat
        self._given = given
        self._config = config
        self._window = ChatWindow.of(chat)
        self._tokens = given.get("max_tokens") or SUMMARY_USUAL_TOKENS
        self._words = summary_words(self._tokens)
        self._spent = 0

    def write(self) -> Written:
        """Write the summary."""
        passages = numbered(self._given)
        groups = self._groups(passages, lambda some: summary_prompt(self._given, some, self._words), least=1)
        if len(groups) == 1:
            return self._last(summary_prompt(self._given, passages, self._words))
        words = max(_SHORTEST_PART, int(_SPARE * self._words / len(groups)))
        summaries = [self._draft(summary_prompt(self._given, group, words)) for group in groups]
        while len(merging := self._groups(summaries, self._merge_prompt, least=2)) > 1:
            summaries = [self._draft(self._merge_prompt(it)) if len(it) > 1 else it[0] for it in merging]
        return self._last(self._merge_prompt(summaries))

    def _merge_prompt(self, summaries: Sequence[str]) -> str:
        return merging_prompt(self._given, summaries, self._words)

    def _groups(
        self, items: Sequence[Item], prompt_of: Callable[[Sequence[Item]], str], *, least: int
    ) -> list[Sequence[Item]]:
        """Halve items until the prompt of each group fits, or it has no more than ``least`` items."""
        if len(items) <= least or self._window.has_room(prompt_of(items), self._tokens):
            return [items]
        middle = len(items) // 2
        halves = (items[:middle], items[middle:])
        return [group for half in halves for group in self._groups(half, prompt_of, least=least)]

    def _draft(self, prompt: str) -> str:
        return without_thinking(self._ask(prompt, hidden(self._config)).text).strip()

    def _last(self, prompt: str) -> Written:
        reply = self._ask(prompt, self._config)
        return Written(reply, self._spent)

    def _ask(self, prompt: str, config: RunnableConfig) -> AIMessage:
        reply = self._chat.invoke(messages_of(self._given, prompt), config)
        self._spent += reply.usage_metadata["output_tokens"] if reply.usage_metadata else 0
        return reply
