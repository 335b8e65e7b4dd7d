"""The prompts with which a chat model answers questions and writes summaries."""

from collections.abc import Sequence

from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage

from memorag_graph.generation.answer import GenerationInput
from memorag_graph.generation.dated_passages import dated
from memorag_graph.generation.fence import Fence
from memorag_graph.retrieval.retrieve import Evidence

Numbered = Sequence[tuple[int, Evidence]]
"""Passages with their numbers, as in the marks of an answer."""


def answer_prompt(given: GenerationInput) -> str:
    """Return the prompt for the answer to a question."""
    prompts = given["prompts"]
    note = prompts.memory_note(given["draft"])
    passages = _fenced(given, numbered(given))
    return prompts.fill("qa_gen", evidence=passages, memory=note, question=given["question"])


def summary_prompt(given: GenerationInput, passages: Numbered, words: int) -> str:
    """Return the prompt for a summary of some of the passages, of about so many words."""
    points = "\n".join(f"- {point}" for point in given["outline"])
    request = _request(given, words)
    return given["prompts"].fill("sum_gen", evidence=_fenced(given, passages), memory=points, question=request)


def merging_prompt(given: GenerationInput, summaries: Sequence[str], words: int) -> str:
    """Return the prompt for one summary of about so many words, made from summaries of parts, in their order."""
    fence = Fence.around(given["question"], *summaries)
    texts = [fence.explain(given["prompts"].quotation_note), *map(fence.enclose, summaries)]
    return given["prompts"].merge_summaries("\n\n".join(texts), _request(given, words))


def messages_of(given: GenerationInput, prompt: str) -> list[BaseMessage]:
    """Return a prompt as messages, after the instructions of the conversation."""
    instructions = given.get("instructions", "")
    return [*([SystemMessage(instructions)] if instructions else []), HumanMessage(prompt)]


def numbered(given: GenerationInput) -> Numbered:
    """Return all passages of the evidence with their numbers."""
    return list(enumerate(given["evidence"], start=1))


def _request(given: GenerationInput, words: int) -> str:
    return f"{given['question']} {given['prompts'].about_words(words)}".strip()


def _fenced(given: GenerationInput, passages: Numbered) -> str:
    """Return numbered passages, each in a fence, after a note about it."""
    told = [(number, dated(passage)) for number, passage in passages]
    fence = Fence.around(given["question"], *(text for _, text in told))
    texts = [f"[{number}] {fence.enclose(text)}" for number, text in told]
    return "\n\n".join([fence.explain(given["prompts"].quotation_note), *texts] if texts else [])
