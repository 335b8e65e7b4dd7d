"""The stages that are measured, and their order.

A competitor that was idle runs its model once before it is timed, because the system may have paged it out.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import environments
from environments import KEPT
from peer import Peer

Measured = dict[str, list[dict[str, Any]]]
"""Reports of all rounds, by ``competitor.stage``."""

QUESTION = "How did the pandemic change what the company carried, and what did it cost?"
_RETRIEVED = 10


@dataclass(frozen=True, slots=True)
class Plan:
    """Sizes of the work.

    Attributes:
        text: Text to memorize.
        rounds: Number of rounds.
        gist_chunk_size: Tokens per section in this package; the original uses 4,096.
        gist_tokens: Maximum tokens per gist in this package; the original generates the same total.
        prefix_tokens: Tokens of the prefix that the clues continue.
        clue_tokens: Tokens of a clue.
        steps: Decoding steps to time.
        kept_text: Text of the memory whose loading is timed.
    """

    text: str
    rounds: int
    gist_chunk_size: int
    gist_tokens: int
    prefix_tokens: int
    clue_tokens: int
    steps: int
    kept_text: str


@dataclass(frozen=True, slots=True)
class Competitors:
    """The competitors.

    Attributes:
        package: This package in float32.
        quickest: This package in the dtype that it chooses itself; None if that is float32.
        original: memorag 0.1.5 in float32.
        llama: llama.cpp; None if it was not built.
    """

    package: Peer
    quickest: Peer | None
    original: Peer
    llama: Peer | None


def measure(plan: Plan, peers: Competitors) -> Measured:
    """Run all stages, with competitors interleaved, round by round."""
    found: Measured = {}
    given = peers.package.run("tokens", text=plan.text, count=plan.prefix_tokens, questions=[QUESTION])
    kept = peers.package.run("keep", text=plan.kept_text, place=_place("kept"))
    found["package.save"] = [kept]
    found["original.save"] = [peers.original.run("keep", tokens=kept["tokens"], place=_place("kept.pt"))]
    batch = 1
    for number in range(plan.rounds):
        _note(found, "package.limits", peers.package.run("limits"))
        _memorize_and_ask(found, plan, peers, batch)
        if number == 0 and plan.rounds > 1:
            batch = _better_batch(found, plan, peers)
        _continue(found, plan, peers.package, "package", given)
        if peers.quickest is not None:
            _continue(found, plan, peers.quickest, "quickest", given)
        if peers.llama is not None:
            peers.llama.run("prefill", tokens=given["prefix"][:64])
            _note(found, "llama.prefill", peers.llama.run("prefill", tokens=given["prefix"]))
            _note(found, "llama.restore", peers.llama.run("restore"))
            _clues(found, plan, peers.llama, "llama", given)
        _load(found)
    return found


def _memorize_and_ask(found: Measured, plan: Plan, peers: Competitors, batch: int) -> None:
    sizes = {"gist_chunk_size": plan.gist_chunk_size, "gist_tokens": plan.gist_tokens}
    peers.package.run("warm")
    mine = peers.package.run("memorize", text=plan.text, place=_place("package"), **sizes)
    _note(found, "package.memorize", mine)
    peers.original.run("warm")
    theirs = _original_memorizes(plan, peers, mine["gist_tokens"], batch)
    _note(found, "original.memorize", theirs)
    peers.package.run("warm")
    answer = peers.package.run("question", place=_place("package"), question=QUESTION)
    _note(found, "package.question", answer)
    peers.original.run("warm")
    _note(found, "original.question", peers.original.run("question", question=QUESTION, lengths=answer["lengths"]))
    if peers.quickest is not None:
        peers.quickest.run("warm")
        quicker = peers.quickest.run("memorize", text=plan.text, place=_place("quickest"), **sizes)
        _note(found, "quickest.memorize", quicker)
        _note(found, "quickest.question", peers.quickest.run("question", place=_place("quickest"), question=QUESTION))
    queries = [f"{QUESTION} {number}" for number in range(_RETRIEVED)]
    _note(found, "package.retrieval", peers.package.run("retrieval", place=_place("package"), questions=queries))


def _original_memorizes(plan: Plan, peers: Competitors, tokens: int, batch: int) -> dict[str, Any]:
    return peers.original.run("memorize", text=plan.text, new_tokens=tokens, batch=batch, place=_place("original"))


def _load(found: Measured) -> None:
    """Load the saved memories, each in a new process."""
    for check in ("size", "full"):
        loaded = _once("package", place=_place("kept"), check=check)
        _note(found, f"package.load_{check}", loaded)
    _note(found, "original.load", _once("original", python=environments.original(), place=_place("kept.pt")))


def _once(stage: str, python: Path | None = None, **given: object) -> dict[str, Any]:
    peer = Peer("loading.py", python=python)
    loaded = peer.run(stage, **given)
    peer.close()
    return loaded


def _better_batch(found: Measured, plan: Plan, peers: Competitors) -> int:
    """Return the batch size with which the original memorizes faster: 1 or 4."""
    together = _original_memorizes(plan, peers, found["package.memorize"][0]["gist_tokens"], 4)
    if together["seconds"] > found["original.memorize"][0]["seconds"]:
        return 1
    found["original.memorize"] = [together]
    return 4


def _continue(found: Measured, plan: Plan, package: Peer, name: str, given: dict[str, Any]) -> None:
    prompt = given["prompts"][0]
    package.run("warm")
    read = package.run("work", tokens=plan.prefix_tokens) | package.run("prefill", tokens=given["prefix"])
    _note(found, f"{name}.prefill", read)
    for rows in (1, 3):
        decoded = package.run("decode", prefix=plan.prefix_tokens, prompt=prompt, rows=rows, steps=plan.steps)
        _note(found, f"{name}.decode_{rows}", decoded)
    _clues(found, plan, package, name, given, guessed=True)
    _clues(found, plan, package, f"{name}_without_guesses", given, guessed=False)


def _clues(found: Measured, plan: Plan, peer: Peer, name: str, given: dict[str, Any], **how: bool) -> None:
    """Generate one clue, then three as one batch."""
    for count in (1, 3):
        prompts = given["prompts"][:count]
        answered = peer.run("clues", prefix=plan.prefix_tokens, prompts=prompts, new_tokens=plan.clue_tokens, **how)
        _note(found, f"{name}.clues_{count}", answered)


def _note(found: Measured, stage: str, reported: dict[str, Any]) -> None:
    found.setdefault(stage, []).append(reported)


def _place(name: str) -> str:
    return str(KEPT / "work" / name)


def clean() -> None:
    """Remove the files of an earlier run."""
    shutil.rmtree(KEPT / "work", ignore_errors=True)
    Path(KEPT / "work").mkdir(parents=True)
