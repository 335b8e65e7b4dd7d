"""The texts that make up the prompts of one language."""

from collections.abc import Mapping
from dataclasses import dataclass

from memorag_graph.settings import PromptKey


@dataclass(frozen=True)
class LanguagePrompts:
    """The prompt texts of one language.

    Attributes:
        templates: The eight templates by key.
        memory_note: Shows a draft answer to the generator, in place of ``{memory}`` in ``qa_gen``.
        quotation_note: Tells the generator that what stands between marks is quoted; ``{mark}`` stands for the mark.
        summary_question: Default request for a summary without a question.
        about_words: Asks for a summary of about ``{words}`` words.
        merge_summaries: Asks for one summary made from summaries of parts, in place of ``{evidence}``; ``{question}`` is the request.
        stand_alone: Asks to rewrite a question of a conversation (``{evidence}``) so that it stands alone.
        repeat: Request to repeat the document word for word; eviction scores tokens by the attention they get from it.
        not_contained: States that the passages do not contain the answer; ``qa_gen`` asks for exactly this text.
        no_match: States that no passage matches the question well; no more is known.
        nearest: States the same and introduces the nearest quotations.
        languages_differ: Introduces them where the question is in another language (``{asked}``) than the document
            (``{written}``).
        answer_in: Closing instruction to answer in another ``{language}``.
    """

    templates: Mapping[PromptKey, str]
    memory_note: str
    quotation_note: str
    summary_question: str
    about_words: str
    merge_summaries: str
    stand_alone: str
    repeat: str
    not_contained: str
    no_match: str
    nearest: str
    languages_differ: str
    answer_in: str = ""
