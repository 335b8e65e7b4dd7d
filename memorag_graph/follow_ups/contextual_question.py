"""Rewrite a question that depends on its conversation, by a chat model or by what the last turn names."""

from collections.abc import Sequence
from dataclasses import replace

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AnyMessage

from memorag_graph.follow_ups.chat_rewrite import Rewriting, chat_rewriting
from memorag_graph.follow_ups.conversation_turns import exchanges
from memorag_graph.follow_ups.rewrite import rewritten
from memorag_graph.follow_ups.stands_alone import stands_alone
from memorag_graph.prompts import Prompts


def contextual_question(
    asked: str, earlier: Sequence[AnyMessage], code: str, chat: BaseChatModel | None, prompts: Prompts
) -> Rewriting | None:
    """Return the question rewritten to stand alone; None if it does already.

    Args:
        asked: The question as asked.
        earlier: The conversation before it.
        code: ISO 639-1 code of the documents' language.
        chat: Rewrites; None for no model.
        prompts: The prompts of that language.
    """
    before = exchanges(earlier, code)
    if not before or stands_alone(asked, code):
        return None
    written = chat_rewriting(chat, asked, before, prompts) if chat else Rewriting()
    return replace(written, question=written.question or rewritten(asked, before, code))
