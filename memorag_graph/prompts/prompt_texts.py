"""What a language has to say to have prompts of its own."""

from collections.abc import Mapping
from dataclasses import dataclass

from memorag_graph.settings import PromptKey


@dataclass(frozen=True)
class LanguagePrompts:
    """The prompt texts of one language.

    Attributes:
        templates: The eight templates by key.
        memory_note: How a draft answer is shown to the generator, in place of ``{memory}`` in ``qa_gen``.
        summary_question: What stands in for the question when a summary is asked for without one.
        repeat: Asks for the document word by word; a memory's tokens are scored by what an answer to it looks at.
        not_contained: Says that the document does not hold the answer; ``qa_gen`` asks for it word by word.
        nearest: Goes before quotations that hardly answer.
        answer_in: Closing instruction that asks for another ``{language}``.
    """

    templates: Mapping[PromptKey, str]
    memory_note: str
    summary_question: str
    repeat: str
    not_contained: str
    nearest: str
    answer_in: str = ""
