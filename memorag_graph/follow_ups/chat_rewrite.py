"""Have a chat model rewrite a question so that it stands alone."""

from collections.abc import Sequence
from dataclasses import dataclass

from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.runnables import Runnable, RunnableLambda

from memorag_graph.follow_ups.exchange import Exchange
from memorag_graph.generation.fence import Fence
from memorag_graph.models.thinking import without_thinking
from memorag_graph.prompts import Prompts
from memorag_graph.retrieval.stop_words import function_words
from memorag_graph.text.words import content_words, count_words, share_of
from memorag_graph.unstreamed import HIDDEN

_MOST_WORDS = 60
_LONGEST_ANSWER = 600
_LEAST_KNOWN = 0.6
"""Least share of the words of a rewritten question that stand in the conversation; else the model made something up."""

_MARKS = ("?", "？", "؟")


@dataclass(frozen=True, slots=True)
class Rewriting:
    """What a chat model wrote.

    Attributes:
        question: The question, standing alone; empty if it wrote no question.
        new_tokens: Tokens that it generated.
    """

    question: str = ""
    new_tokens: int = 0


def chat_rewriting(chat: BaseChatModel, question: str, before: Sequence[Exchange], prompts: Prompts) -> Rewriting:
    """Ask a chat model to rewrite a question so that it stands alone; if it fails, it wrote no question.

    Args:
        chat: The chat model.
        question: The question, which does not stand alone.
        before: The exchanges before it, in order.
        prompts: The prompts of the document's language.
    """
    texts = [text for it in before for text in (it.question, it.answer[:_LONGEST_ANSWER]) if text]
    fence = Fence.around(question, *texts)
    conversation = "\n\n".join([fence.explain(prompts.quotation_note), *map(fence.enclose, texts)])
    known = content_words(" ".join((question, *texts)), function_words(prompts.language.code))

    def read(reply: BaseMessage) -> Rewriting:
        text, usage = _question_in(reply), reply.usage_metadata if isinstance(reply, AIMessage) else None
        words = content_words(text, function_words(prompts.language.code))
        asks = text.endswith(_MARKS) or not question.strip().endswith(_MARKS)
        is_rewriting = asks and bool(words) and share_of(words, known) >= _LEAST_KNOWN
        return Rewriting(text if is_rewriting else "", usage["output_tokens"] if usage else 0)

    asking = chat | RunnableLambda(read)
    silent: Runnable[LanguageModelInput, Rewriting] = RunnableLambda(lambda _: Rewriting())
    prompt = prompts.stand_alone(conversation, question)
    return asking.with_fallbacks([silent]).invoke([HumanMessage(prompt)], HIDDEN)


def _question_in(reply: BaseMessage) -> str:
    """Return what a chat model wrote if it is one line, and not too long."""
    lines = without_thinking(reply.text).strip().splitlines()
    text = lines[0].strip().strip('"“”„') if len(lines) == 1 else ""
    return text if count_words(text) <= _MOST_WORDS else ""
