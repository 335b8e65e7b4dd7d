"""Ask a memory for clues to a question: recalled spans, surrogate questions, a draft answer, an outline.

Every shard of the memory replies, and the replies are merged. They are recalled, not verified.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from heapq import nlargest
from itertools import chain, zip_longest
from operator import itemgetter

from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.runnables import RunnableConfig

from memorag_graph.clues.clue_filter import Dropped, FilteredClues, clue_words, filter_clues, supported
from memorag_graph.clues.list_parsing import items
from memorag_graph.clues.sharded_chat import ShardedChat
from memorag_graph.memory.build.grounded_summary import central_sentences
from memorag_graph.memory.section_note import SectionNote
from memorag_graph.models.sampling import NO_REPEAT
from memorag_graph.prompts import Prompts
from memorag_graph.retrieval.stop_words import function_words
from memorag_graph.settings import PromptKey
from memorag_graph.text.sentences import split_sentences
from memorag_graph.text.words import passages, share_of
from memorag_graph.unstreamed import hidden

MOST_CLUES = 5
MOST_POINTS = 8
FEWEST_POINTS = 4
_NOTED = 2
"""Maximum sentences of the notes that replace recalled spans."""

_COMBINED = 6
"""Shards whose answers or outlines are combined in one prompt."""

_CLUE_TOKENS = 96
_POINT_TOKENS = 160
_LIST_START = "1."
"""Start of a list, given to small models so that they do not write prose."""

_SPAN_SUPPORT = 0.6
_POINT_SUPPORT = 0.5


@dataclass(frozen=True, slots=True)
class Recalled:
    """Output of the memory model, and its cost.

    Attributes:
        items: The clues, or the one answer.
        new_tokens: Tokens generated.
        message_id: Id of the last message in the stream.
        dropped: Useless clues, each with its reason.
    """

    items: tuple[str, ...]
    new_tokens: int
    message_id: str | None = None
    dropped: tuple[Dropped, ...] = ()


class MemoryRecall:
    """Asks one memory about its documents in the prompts of their language.

    Args:
        chat: Continues the shards of the memory.
        prompts: The prompts of the documents' language.
        notes: The memory's notes.
    """

    def __init__(self, chat: ShardedChat, prompts: Prompts, notes: Sequence[SectionNote]) -> None:
        self._chat = chat
        self._prompts = prompts
        self._notes = notes
        self._code = prompts.language.code

    def recall(self, question: str, config: RunnableConfig | None = None) -> Recalled:
        """Recall spans of the document that are relevant to a question; unsupported ones are dropped.

        If there are several shards, the spans that share most words with the question are kept. If no span is left,
        the sentences of the memory's notes that share most words with the question take their place.
        """
        prompt = self._prompts.fill("span", question=question)
        replies = self._chat.ask(self._list_of(prompt), config, **self._clue_limits("span"))
        listed, useless = self._filtered(_interleaved(map(_items, replies)), question, "span")
        spans, invented = supported(listed, self._passages, _SPAN_SUPPORT, self._code)
        if len(replies) > 1:
            wanted = self._words(question)
            spans.sort(key=lambda span: -share_of(wanted, self._words(span)))
        return _recalled(spans[:MOST_CLUES] or self._noted(question), replies, [*useless, *invented])

    def rewrite(self, question: str, config: RunnableConfig | None = None) -> Recalled:
        """Rewrite a question into more specific ones."""
        prompt = self._prompts.fill("sur", question=question)
        replies = self._chat.ask(self._list_of(prompt), config, **self._clue_limits("sur"))
        kept, dropped = self._filtered(_interleaved(map(_items, replies)), question, "sur")
        return _recalled(kept[:MOST_CLUES], replies, dropped)

    def answer(self, question: str, config: RunnableConfig | None = None) -> Recalled:
        """Answer a question from memory only, within the chat's maximum length."""
        return self.follow(self._prompts.fill("qa", question=question), config)

    def follow(self, instruction: str, config: RunnableConfig | None = None) -> Recalled:
        """Follow any instruction from memory only, within the chat's maximum length."""
        return self._answer(instruction, self._chat.max_new_tokens, config)

    def draft(self, question: str, config: RunnableConfig | None = None) -> Recalled:
        """Draft a short answer from memory, as a search query."""
        prompt = self._prompts.fill("qa", question=question)
        tokens, adapted = self._learned("qa")
        return self._answer(prompt, min(tokens, self._chat.max_new_tokens), config, adapted=adapted)

    def _answer(self, prompt: str, tokens: int, config: RunnableConfig | None, *, adapted: bool = False) -> Recalled:
        """Ask every shard; several answers are combined into one by the model, group by group."""
        replies = self._chat.ask(
            [HumanMessage(prompt)], config, no_repeat=NO_REPEAT, max_new_tokens=tokens, adapted=adapted
        )
        answers = [reply.text.strip() for reply in replies]
        while len(answers) > 1:
            groups = [answers[start : start + _COMBINED] for start in range(0, len(answers), _COMBINED)]
            shown = config if len(groups) == 1 else hidden(config)
            combined = [
                self._chat.ask_alone(
                    [HumanMessage(self._with_notes(group, prompt))], shown, no_repeat=NO_REPEAT, max_new_tokens=tokens
                )
                for group in groups
            ]
            replies += combined
            answers = [reply.text.strip() for reply in combined]
        return _recalled(answers, replies)

    def outline(self, question: str, config: RunnableConfig | None = None, *, is_about_whole: bool = True) -> Recalled:
        """List the main points of the document, in its order.

        The outlines of several shards are combined into one by the model, group by group. Points that the memory does
        not support are dropped; if too few are left, the most central sentences of its notes take their place.

        Args:
            question: The request for a summary.
            config: LangChain's settings of the run.
            is_about_whole: Whether the request is about the whole document; where it is about something in it,
                sentences of the notes with words of the request take the place of central ones.
        """
        prompt = self._prompts.fill("sum", question=question)
        limits = _list_limits(MOST_POINTS, _POINT_TOKENS)
        replies = self._chat.ask(self._list_of(prompt), config, **self._shard_limits(MOST_POINTS, _POINT_TOKENS))
        dropped: list[Dropped] = []

        def points_of(reply: AIMessage) -> list[str]:
            points, faulty = self._points(reply, question)
            dropped.extend(faulty)
            return points

        outlines = [points_of(reply) for reply in replies]
        while len(outlines) > 1:
            groups = [outlines[start : start + _COMBINED] for start in range(0, len(outlines), _COMBINED)]
            outlines = []
            for group in groups:
                reply = self._chat.ask_alone(self._list_of(self._with_notes(chain(*group), prompt)), config, **limits)
                replies.append(reply)
                points = points_of(reply)
                outlines.append(points if len(points) >= FEWEST_POINTS else _share_of_each(group))
        points = outlines[0][:MOST_POINTS]
        if len(points) < FEWEST_POINTS:
            points = self._central_points() if is_about_whole else self._noted(question)
        return _recalled(points, replies, dropped)

    def _list_of(self, prompt: str) -> list[HumanMessage | AIMessage]:
        return [HumanMessage(prompt), *([AIMessage(_LIST_START)] if self._chat.begins_answers else [])]

    def _learned(self, prompt: PromptKey) -> tuple[int, bool]:
        """Return the maximum tokens of a clue, and whether the model was trained to reply to its prompt."""
        adapter = self._chat.adapter
        if adapter is None or prompt not in adapter.learned.prompts:
            return _CLUE_TOKENS, False
        return adapter.learned.tokens, True

    def _clue_limits(self, prompt: PromptKey) -> dict[str, int]:
        tokens, adapted = self._learned(prompt)
        return {**self._shard_limits(MOST_CLUES, tokens), "adapted": adapted}

    def _shard_limits(self, most: int, tokens: int) -> dict[str, int]:
        """Limit each shard's reply to its share of a list plus one line."""
        each = min(most, -(-most // len(self._chat)) + 1)
        return _list_limits(each, tokens * each // most)

    def _with_notes(self, notes: Iterable[str], prompt: str) -> str:
        """Return a prompt with notes as its context."""
        context = self._prompts.fill("context", context="\n\n".join(notes))
        return f"{context}\n\n{prompt}"

    def _central_points(self) -> list[str]:
        step = max(1, -(-len(self._notes) // MOST_POINTS))
        central = [
            next(iter(central_sentences(split_sentences(note.text, self._code))), None) for note in self._notes[::step]
        ]
        return [sentence.text for sentence in central if sentence]

    def _noted(self, question: str) -> list[str]:
        """Return the sentences of the notes that share most words with a question."""
        wanted = self._words(question)
        scored = [(share_of(wanted, self._words(sentence)), sentence) for sentence in self._sentences()]
        return [sentence for score, sentence in nlargest(_NOTED, scored, key=itemgetter(0)) if score > 0]

    def _sentences(self) -> list[str]:
        return [sentence.text for note in self._notes for sentence in split_sentences(note.text, self._code)]

    @cached_property
    def _passages(self) -> list[set[str]]:
        """Return the words of the memory's passages, against which clues are checked."""
        return passages(self._sentences(), function_words(self._code))

    def _words(self, text: str) -> list[str]:
        return clue_words(text, self._code)

    def _filtered(self, clues: Iterable[str], question: str, prompt: PromptKey) -> FilteredClues:
        return filter_clues(clues, question, self._prompts.fill(prompt, question=""), self._code)

    def _points(self, reply: AIMessage, question: str) -> FilteredClues:
        """Return the points of an outline that the memory supports."""
        listed, useless = self._filtered(_items(reply), question, "sum")
        points, invented = supported(listed, self._passages, _POINT_SUPPORT, self._code)
        return points, [*useless, *invented]


def _list_limits(most: int, tokens: int) -> dict[str, int]:
    return {"max_lines": most, "max_new_tokens": tokens, "no_repeat": NO_REPEAT}


def _items(reply: AIMessage) -> list[str]:
    """Read a list; a last line that was cut at the maximum length is dropped."""
    text = str(reply.text)
    if reply.response_metadata.get("finish_reason") == "length":
        text = text.rpartition("\n")[0]
    return items(text)


def _interleaved(lists: Iterable[Sequence[str]]) -> list[str]:
    return [item for row in zip_longest(*lists) for item in row if item is not None]


def _share_of_each(outlines: Sequence[Sequence[str]]) -> list[str]:
    """Return the first points of each outline, as many as one outline has room for."""
    each = max(1, MOST_POINTS // len(outlines))
    return [point for outline in outlines for point in outline[:each]]


def _recalled(found: Sequence[str], replies: Sequence[AIMessage], dropped: Sequence[Dropped] = ()) -> Recalled:
    usage = [reply.usage_metadata for reply in replies]
    new_tokens = sum(tokens["output_tokens"] for tokens in usage if tokens)
    return Recalled(tuple(found), new_tokens, replies[-1].id, tuple(dropped))
