"""Which attention heads of a model point at evidence: all of them are tried on questions whose evidence is known."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memorag_graph.documents import Document, from_text
from memorag_graph.errors import InputError
from memorag_graph.memory.heads import HeadChoice, all_heads
from memorag_graph.memory.layout import NoteTokens
from memorag_graph.memory.local import LocalMemoryModel
from memorag_graph.memory.pointing import Pointer, Weights
from memorag_graph.progress import Progress, ReportProgress, ignore_progress
from memorag_graph.prompts import Prompts
from memorag_graph.settings import MemorySettings

HEADS = 16
"""Heads that are chosen by default."""

Scores = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with the character ranges of its evidence."""

    question: str
    evidence: Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class LabelledDocument:
    """A document and questions about it whose evidence is known."""

    document: Document
    asked: Sequence[Asked]


def read_labelled(folder: Path, limit: int | None = None) -> list[LabelledDocument]:
    """Read ``documents.jsonl`` and ``questions.jsonl``: documents in order, each with its questions with evidence.

    Args:
        folder: Where the two files are.
        limit: Most documents to read.

    Raises:
        InputError: If a file cannot be read, or no question has evidence.
    """
    asked: dict[str, list[Asked]] = {}
    for row in _rows(folder / "questions.jsonl", "document_id", "query", "evidence"):
        if row["evidence"]:
            evidence = [(int(start), int(end)) for start, end in row["evidence"]]
            asked.setdefault(str(row["document_id"]), []).append(Asked(str(row["query"]), evidence))
    labelled: list[LabelledDocument] = []
    for row in _rows(folder / "documents.jsonl", "id", "text"):
        mine = asked.get(str(row["id"]), [])
        if mine and (limit is None or len(labelled) < limit):
            labelled.append(LabelledDocument(from_text(row["text"], str(row["id"])), mine))
    if not labelled:
        raise InputError("dataset", f"{folder} has no question with evidence; heads are chosen by evidence")
    return labelled


def _rows(path: Path, *fields: str) -> Iterator[dict[str, Any]]:
    try:
        lines = path.read_text(encoding="utf-8").strip("\n").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("dataset", f"{path} cannot be read ({error})") from None
    for number, line in enumerate(lines, start=1):
        try:
            row = json.loads(line)
        except ValueError as error:
            raise InputError("dataset", f"{path}, line {number} is not JSON ({error})") from None
        missing = [name for name in fields if not isinstance(row, dict) or name not in row]
        if missing:
            raise InputError("dataset", f"{path}, line {number} has no {', '.join(missing)}")
        yield row


def choose_heads(
    model: LocalMemoryModel,
    labelled: Sequence[LabelledDocument],
    prompts: Prompts,
    count: int = HEADS,
    *,
    dataset: str = "",
    report: ReportProgress = ignore_progress,
) -> HeadChoice:
    """Choose the heads that point at evidence best.

    Each document is read as a full memory, and every head is asked every question. A head is worth the mean of
    :func:`evidence_lift` over the questions (after the QRHead score of Zhang et al., 2025, which is the attention on
    the evidence: that prefers heads that pay much attention to everything).

    Args:
        model: The model.
        labelled: Documents with questions.
        prompts: The prompts of the documents' language.
        count: How many heads.
        dataset: Name of the data, for the record.
        report: Called after each document.

    Raises:
        InputError: If the model's attention cannot be watched, or it has fewer heads.
    """
    language_model = model.language_model
    if not language_model.can_be_watched:
        raise InputError("model", "the attention of this model cannot be watched; no heads can be chosen")
    heads = all_heads(language_model)
    if not 1 <= count <= len(heads):
        raise InputError("heads", f"must be from 1 to {len(heads)}, the heads of {language_model.name}, not {count}")
    rows: list[Scores] = []
    for number, document in enumerate(labelled, start=1):
        memory = model.memorize([document.document], prompts, MemorySettings(kind="full"))
        pointer = Pointer(model, memory, heads)
        rows += [evidence_lift(pointer.layout, pointer.attention(it.question), it.evidence) for it in document.asked]
        report(Progress("heads", number, len(labelled), "documents"))
    worth = np.mean(rows, axis=0)
    best = np.argsort(-worth, kind="stable")[:count]
    return HeadChoice(
        model=language_model.name,
        model_fingerprint=language_model.fingerprint,
        tokenizer_fingerprint=language_model.tokenizer_fingerprint,
        heads=tuple(heads[number] for number in best),
        chosen={
            "score": "lift: the share of the calibrated attention on the evidence over its share of the tokens",
            "dataset": dataset,
            "documents": [it.document.source for it in labelled],
            "questions": len(rows),
            "shard_tokens": max(shard.kv.length for shard in memory.shards),
            "dtype": language_model.dtype,
            "scores": [round(float(worth[number]), 3) for number in best],
            "mean_score_of_all_heads": round(float(worth.mean()), 3),
        },
    )


def evidence_lift(
    layout: Sequence[Sequence[NoteTokens]], attention: Sequence[Weights], evidence: Sequence[tuple[int, int]]
) -> Scores:
    """Return the share of each head's attention that the evidence gets, as a multiple of its share of the tokens.

    Only attention above that of the content-free question counts.

    Args:
        layout: The tokens of every note, by shard.
        attention: What each head pays to each token, calibrated, shape (heads, tokens), by shard.
        evidence: Character ranges of the document.

    Returns:
        Shape (heads,): 1 where a head looks at the evidence as much as at anything else.
    """
    paid: list[Weights] = []
    is_evidence: list[NDArray[np.bool_]] = []
    for laid, weights in zip(layout, attention, strict=True):
        for it in laid:
            if it.ends is not None:
                paid.append(weights[:, it.tokens].clip(min=0))
                is_evidence.append(np.any([(start <= it.ends) & (it.ends < end) for start, end in evidence], axis=0))
    gained, inside = np.concatenate(paid, axis=1), np.concatenate(is_evidence)
    share = gained[:, inside].sum(axis=1) / gained.sum(axis=1).clip(min=np.finfo(np.float32).tiny)
    return np.asarray(share / max(inside.mean(), 1 / len(inside)), dtype=np.float64)
