"""Render conversations with a chat template, split into markup and message texts.

The template is applied to placeholders only. Its markup is tokenized with control tokens, the messages as plain text,
so no document and no question can forge a control token.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from transformers import PreTrainedTokenizerBase

Role = Literal["user", "assistant"]


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a conversation."""

    role: Role
    text: str


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a rendered conversation: markup of the template, or text of a message."""

    text: str
    is_markup: bool


class ChatTemplate:
    """The chat template of a tokenizer, or a plain layout if it has none."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self._tokenizer = tokenizer

    def head(self) -> str:
        """Return the markup before the text of the first message."""
        return self.render([Turn("user", "")])[0].text

    def render(self, turns: Sequence[Turn]) -> list[Piece]:
        """Render a conversation up to the point where the assistant continues.

        If the last turn is the assistant's, its text is continued. The first piece is the markup before the text of
        the first message.
        """
        if turns[-1].role == "assistant":
            return [*self.render(turns[:-1]), Piece(turns[-1].text, is_markup=False)]
        marks = [f"@@{uuid.uuid4().hex}@@" for _ in turns]
        messages = [{"role": turn.role, "content": mark} for turn, mark in zip(turns, marks, strict=True)]
        rendered = self._apply(messages, add_generation_prompt=True)
        pieces = []
        for turn, mark in zip(turns, marks, strict=True):
            markup, _, rendered = rendered.partition(mark)
            pieces += [Piece(markup, is_markup=True), Piece(turn.text, is_markup=False)]
        return [*pieces, Piece(rendered, is_markup=True)]

    def end_of_turn(self) -> str:
        """Return the markup that follows an assistant's answer; may be empty."""
        mark = f"@@{uuid.uuid4().hex}@@"
        messages = [{"role": "user", "content": "?"}, {"role": "assistant", "content": mark}]
        return self._apply(messages, add_generation_prompt=False).partition(mark)[2].strip()

    def _apply(self, messages: list[dict[str, str]], *, add_generation_prompt: bool) -> str:
        if self._tokenizer.chat_template is None:
            start = self._tokenizer.bos_token or ""
            lines = [f"{message['content']}\n\n" for message in messages]
            return start + "".join(lines)
        rendered = self._tokenizer.apply_chat_template(
            messages,
            tokenize=False,
            add_generation_prompt=add_generation_prompt,
            enable_thinking=False,  # read by the templates of reasoning models, ignored by others
        )
        return str(rendered)
