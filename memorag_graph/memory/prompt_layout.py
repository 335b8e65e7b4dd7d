"""The tokens around a memory's notes: the opening of a shard, and the turn that continues it."""

from collections.abc import Sequence

from memorag_graph.models.chat_template import Turn
from memorag_graph.models.language_model import LanguageModel
from memorag_graph.prompts import Prompts


def opening_tokens(model: LanguageModel, prompts: Prompts) -> list[int]:
    """Return the tokens before the first note: the template's markup and the opening words."""
    opening, _ = prompts.around_context()
    return model.encode(model.template.head(), markup=True) + model.encode(opening.rstrip())


def turn_tokens(model: LanguageModel, prompts: Prompts, turns: Sequence[Turn]) -> list[int]:
    """Return the tokens of a conversation that follow the last note; the first turn is the user's."""
    _, closing = prompts.around_context()
    first = Turn(turns[0].role, f"{closing}\n\n{turns[0].text}")
    return model.encode_pieces(model.template.render([first, *turns[1:]])[1:])
