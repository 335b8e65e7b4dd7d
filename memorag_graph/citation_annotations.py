"""Show the citations of an answer as LangChain's annotations of its text.

The answer's message keeps its text as a plain string; ``message.content_blocks`` makes the block with annotations from
the citations in its ``response_metadata`` when it is asked for, through a translator that this module registers.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from langchain_core.messages import AIMessage
from langchain_core.messages.block_translators import register_translator
from langchain_core.messages.content import Citation, ContentBlock, TextContentBlock

PROVIDER = "memorag_graph"
"""``response_metadata["model_provider"]`` of answers, by which LangChain finds the translator."""

_EXTRAS = ("number", "source", "start", "end", "page", "ocr", "section", "label", "header", "speaker", "supported")
_SCHEME = "memorag"
_WEB = ("http://", "https://")


def document_uri(memory_id: str, source: str, start: int | None = None, end: int | None = None) -> str:
    """Return the address of a memory's document, or of some of its characters (RFC 5147).

    Args:
        memory_id: Id of the memory.
        source: Name of the document.
        start: First of the characters; None for the whole document.
        end: One past the last.
    """
    part = "" if start is None else f"#char={start},{end}"
    return f"{_SCHEME}://{memory_id}/{quote(source, safe='')}{part}"


def annotations(answer: str, citations: Sequence[Mapping[str, Any]], memory_id: str = "") -> list[Citation]:
    """Return the citations of an answer as annotations of its text.

    ``start_index`` and ``end_index`` enclose the cited statement with its mark; they are left out where the answer has
    no such mark. ``url`` is the document's name if that is a web address, else the passage's address in the memory.

    Args:
        answer: The answer with its marks, such as ``[1]``.
        citations: Records of its citations (:class:`memorag_graph.state.CitationRecord`).
        memory_id: Id of the memory; empty if it is not known.
    """
    from memorag_graph.generation.citation_check import marked_statements

    places: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for number, start, end in marked_statements(answer, "en") if citations else []:
        places[number].append((start, end))
    found = []
    for citation in citations:
        here = places[citation["number"]]
        note = _annotation(citation, memory_id)
        if here:  # several citations of one passage stand in the order of its marks
            note["start_index"], note["end_index"] = here.pop(0) if len(here) > 1 else here[0]
        found.append(note)
    return found


def _annotation(citation: Mapping[str, Any], memory_id: str) -> Citation:
    source = str(citation["source"])
    extras = {name: citation[name] for name in _EXTRAS if citation.get(name) is not None}
    note = Citation(type="citation", title=source, cited_text=citation["quote"], extras=extras)
    if source.startswith(_WEB):
        note["url"] = source
    elif memory_id:
        note["url"] = document_uri(memory_id, source, citation["start"], citation["end"])
    return note


def _content_blocks(message: AIMessage) -> list[ContentBlock]:
    """Return an answer's text as one block with its annotations."""
    if not isinstance(message.content, str):  # changed by somebody: LangChain reads the blocks as they are
        raise NotImplementedError
    known = message.response_metadata
    block = TextContentBlock(type="text", text=message.content)
    if notes := annotations(message.content, known.get("citations", ()), known.get("memory_id", "")):
        block["annotations"] = [*notes]
    return [block] if notes or message.content else []


register_translator(PROVIDER, _content_blocks, _content_blocks)
