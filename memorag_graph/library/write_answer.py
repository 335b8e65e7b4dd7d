"""Write the answer to a question from passages of a library."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from memorag_graph.generation.answer import GenerationInput
from memorag_graph.generation.choose_generator import Generator, choose_generator
from memorag_graph.library.find_passages import Passages
from memorag_graph.library.memory_clues import DocumentClues
from memorag_graph.library.snapshot import Snapshot
from memorag_graph.prompts import Prompts
from memorag_graph.retrieval.list_matches import Reach, reach
from memorag_graph.retrieval.listed_places import listed_places
from memorag_graph.settings import RunOptions, TaskType
from memorag_graph.text.languages import language

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings
    from langchain_core.language_models import BaseChatModel

    from memorag_graph.registry import Registry


def library_generator(
    options: RunOptions, model: str, embeddings: "Embeddings", registry: "Registry", *, is_last_attempt: bool = True
) -> Generator:
    """Return the generator that the options name.

    Args:
        options: The question's.
        model: Name of the memory model.
        embeddings: The library's embedding model.
        registry: Holds the models.
        is_last_attempt: Whether the evidence is quoted if a chat model cannot be reached.

    Raises:
        InputError: If the generator cannot be used.
        ModelError: If its model cannot be loaded.
        MissingExtraError: If a package for it is not installed.
    """

    def local_chat(name: str) -> "BaseChatModel":
        return registry.chat(name, options)

    salted = registry.models.salted
    return choose_generator(options, model, embeddings, local_chat, salted, is_last_attempt=is_last_attempt)


def generation_given(
    question: str,
    task: TaskType,
    passages: Passages,
    snapshot: Snapshot,
    options: RunOptions,
    clues: Sequence[DocumentClues] = (),
    instructions: str = "",
) -> GenerationInput:
    """Return what the generator is given; without passages, it says that none matches."""
    draft = next((it.draft for it in clues), "") if options.use_memory_answer else ""
    return GenerationInput(
        question=question,
        task_type=task,
        evidence=passages.evidence,
        outline=[],
        draft=draft,
        prompts=prompts_of(passages, options),
        instructions=instructions,
        clues=[text for it in clues for text in (*it.spans, *it.surrogates)],
        rarity=rarity_of(passages, question),
        max_tokens=options.max_new_tokens,
        reach=_reach(question, passages, snapshot),
    )


def prompts_of(passages: Passages, options: RunOptions) -> Prompts:
    """Return the prompts in the language of most of the documents that were searched."""
    return Prompts(language(passages.index.language_code if passages.index else "en"), options.prompts)


def rarity_of(passages: Passages, text: str) -> Mapping[str, float]:
    """Return how rare each term of a text is in the documents that were searched."""
    index = passages.index
    return index.keywords.rarity(text) if index and index.keywords else {}


def _reach(question: str, passages: Passages, snapshot: Snapshot) -> Reach:
    """Return how much of what matches a question for a list the evidence holds, as far as documents were searched."""
    if passages.index is None:
        return Reach(0, is_whole=not snapshot.entries)
    places = listed_places(passages.index, question, passages.index.page_maps)
    found = reach(places, passages.index.chunks, [(it.source, it.start, it.end) for it in passages.evidence])
    return Reach(found.left_out, found.is_whole and len(passages.searched) == len(snapshot.entries))
