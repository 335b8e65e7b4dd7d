"""The tokens that a model learns from: a question's turn after a memory, and the reply to it."""

from collections.abc import Mapping
from dataclasses import dataclass

from memorag_graph.evaluation.clue_runs import ClueKind
from memorag_graph.memory.prompt_layout import turn_tokens
from memorag_graph.models.chat_template import Turn
from memorag_graph.models.language_model import LanguageModel
from memorag_graph.prompts import Prompts
from memorag_graph.settings import PromptKey
from memorag_graph.training.targets import Target, reply

LIST_START = "1."
PROMPTS: Mapping[ClueKind, PromptKey] = {"spans": "span", "surrogates": "sur", "draft": "qa"}
"""The prompt that asks for clues of a kind."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """What a model reads and is to write.

    Attributes:
        prompt: Tokens of the question's turn.
        reply: Tokens of the reply and of its end.
    """

    prompt: list[int]
    reply: list[int]


def lesson(model: LanguageModel, prompts: Prompts, question: str, target: Target) -> Lesson:
    """Return the tokens of a target as the package asks for such a clue."""
    turns = [Turn("user", prompts.fill(PROMPTS[target.kind], question=question))]
    if target.kind != "draft":
        turns.append(Turn("assistant", LIST_START))
    end = model.encode(model.template.end_of_turn(), markup=True)[:1]
    return Lesson(turn_tokens(model, prompts, turns), [*model.encode(reply(target)), *end])
