"""What a memory contributes to a question: recalled spans, surrogate questions, a draft answer, an outline.

Each function asks a chat model that continues the memory. What comes back is recalled, not verified.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import nlargest
from operator import itemgetter

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.runnables import RunnableConfig

from memorag_graph.clues.parsing import FEWEST_WORDS, parse_clues
from memorag_graph.memory.chat import MemoryChat
from memorag_graph.memory.digest import central_sentences
from memorag_graph.memory.gists import Gist
from memorag_graph.models.sampling import NO_REPEAT
from memorag_graph.prompts import Prompts
from memorag_graph.sentences import split_sentences
from memorag_graph.words import content_words, is_borne_out, passages, share_of

MOST_CLUES = 5
MOST_POINTS = 8
FEWEST_POINTS = 4
_REMEMBERED = 2

_CLUE_TOKENS = 96
_POINT_TOKENS = 160
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
        """Recall spans of the document that bear on a question; what the memory does not hold is dropped.

        Where nothing is left, the memory's own sentences that share most words with the question are recalled.
        """
        reply = self._list(self._prompts.fill("span", question=question), MOST_CLUES, _CLUE_TOKENS, config)
        spans = self._borne_out(_items(reply, question), _SPAN_SUPPORT)
        return _recalled(spans[:MOST_CLUES] or self._remembered(question), reply)

    def rewrite(self, question: str, config: RunnableConfig | None = None) -> Recalled:
        """Rewrite a question into more specific ones."""
        reply = self._list(self._prompts.fill("sur", question=question), MOST_CLUES, _CLUE_TOKENS, config)
        return _recalled(_items(reply, question)[:MOST_CLUES], reply)

    def answer(self, question: str, config: RunnableConfig | None = None) -> Recalled:
        """Answer a question from memory alone, within the chat's own longest answer."""
        return self._answer(question, self._chat.max_new_tokens, config)

    def draft(self, question: str, config: RunnableConfig | None = None) -> Recalled:
        """Draft a short answer from memory, to search with."""
        return self._answer(question, min(_CLUE_TOKENS, self._chat.max_new_tokens), config)

    def _answer(self, question: str, tokens: int, config: RunnableConfig | None) -> Recalled:
        chat = self._chat.model_copy(update={"no_repeat": NO_REPEAT, "max_new_tokens": tokens})
        reply = chat.invoke([HumanMessage(self._prompts.fill("qa", question=question))], config)
        return _recalled([reply.text.strip()], reply)

    def outline(self, question: str, config: RunnableConfig | None = None) -> Recalled:
        """List the main points of the document, in its order.

        Points that the memory does not bear out are dropped; where too few are left, the memory's own central
        sentences, one of each section, take their place.
        """
        prompt = self._prompts.fill("sum", question=question)
        reply = self._list(prompt, MOST_POINTS, _POINT_TOKENS, config)
        points = self._borne_out(_items(reply, question), _POINT_SUPPORT)[:MOST_POINTS]
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

    def _remembered(self, question: str) -> list[str]:
        asked = content_words(question)
        scored = [(share_of(asked, content_words(sentence)), sentence) for sentence in self._sentences()]
        return [sentence for score, sentence in nlargest(_REMEMBERED, scored, key=itemgetter(0)) if score > 0]

    def _sentences(self) -> list[str]:
        code = self._prompts.language.code
        return [sentence.text for gist in self._gists for sentence in split_sentences(gist.text, code)]

    def _borne_out(self, clues: Sequence[str], share: float) -> list[str]:
        """Keep the clues that some passage of the memory bears out."""
        remembered = passages(self._sentences())
        return [clue for clue in clues if is_borne_out(clue, remembered, share, FEWEST_WORDS)]

    def _list(self, prompt: str, lines: int, tokens: int, config: RunnableConfig | None) -> AIMessage:
        chat = self._chat.model_copy(update={"max_lines": lines, "max_new_tokens": tokens, "no_repeat": NO_REPEAT})
        return chat.invoke([HumanMessage(prompt), AIMessage(_LIST_START)], config)


def _items(reply: AIMessage, question: str) -> list[str]:
    """Read a list; a last line that was cut at the longest length is dropped."""
    text = str(reply.text)
    if reply.response_metadata.get("finish_reason") == "length":
        text = text.rpartition("\n")[0]
    return parse_clues(text, question)


def _recalled(items: Sequence[str], reply: BaseMessage) -> Recalled:
    usage = reply.usage_metadata if isinstance(reply, AIMessage) else None
    return Recalled(tuple(items), usage["output_tokens"] if usage else 0)
