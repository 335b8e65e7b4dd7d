"""Cut an answer before a stop sequence, with what refers to the rest of it."""

from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.messages import AIMessage

from memorag_graph.citation_annotations import annotations
from memorag_graph.text.stop_sequences import before_stop


def cut_result(result: Mapping[str, Any], stop: Sequence[str]) -> dict[str, Any]:
    """Return a graph's output with its answer cut before the first stop sequence, and the citations that remain.

    Args:
        result: The output.
        stop: The sequences.
    """
    whole = str(result.get("answer", ""))
    answer = before_stop(whole, stop)
    if answer == whole:
        return dict(result)
    notes = zip(annotations(whole, result["citations"]), result["citations"], strict=True)
    kept = {
        "citations": [it for note, it in notes if note.get("end_index", 0) <= len(answer)],
        "unsupported": [it for it in result["unsupported"] if it["end"] <= len(answer)],
    }
    messages = list(result.get("messages", []))
    if messages and isinstance(messages[-1], AIMessage):
        metadata = {**messages[-1].response_metadata, **kept}
        messages[-1] = messages[-1].model_copy(update={"content": answer, "response_metadata": metadata})
    return {**result, **kept, "answer": answer, **({"messages": messages} if messages else {})}
