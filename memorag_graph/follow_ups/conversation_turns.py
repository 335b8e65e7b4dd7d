"""Read the exchanges of a conversation from its messages."""

from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from memorag_graph.follow_ups.exchange import Exchange
from memorag_graph.follow_ups.rewrite import rewritten

_MOST = 4
"""Exchanges that a question may refer to, the last ones."""


def exchanges(messages: Sequence[BaseMessage], language_code: str) -> list[Exchange]:
    """Return the last exchanges of a conversation, in order; their questions stand alone.

    Args:
        messages: The messages before the question; those that are no user's or assistant's are passed over.
        language_code: Language of the document.
    """
    found: list[Exchange] = []
    for message in messages:
        text = message.text.strip()
        if not text:
            continue
        if message.type == "human":
            question = rewritten(text, found, language_code) if found else text
            found.append(Exchange(question, ""))
        elif message.type == "ai" and found:
            found[-1] = Exchange(found[-1].question, text)
    return found[-_MOST:]


def conversation(results: Sequence[Mapping[str, Any]], question: str) -> list[BaseMessage]:
    """Return the messages of a conversation that ends with a question.

    Args:
        results: The graph's outputs for the questions before it, in order.
        question: The question.
    """
    messages: list[BaseMessage] = []
    for result in results[-_MOST:]:
        messages += [HumanMessage(result["question"]), AIMessage(result["answer"])]
    return [*messages, HumanMessage(question)]
