"""What is measured, and how often.

A contender that waited for another one touches its memory once before it is timed: the system may have taken pages away
meanwhile.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import environments
from environments import KEPT
from peer import Peer

Measured = dict[str, list[dict[str, Any]]]
"""What each stage of a contender reported, round by round, by ``contender.stage``."""

QUESTION = "How did the pandemic change what the company carried, and what did it cost?"
_RETRIEVED = 10


@dataclass(frozen=True, slots=True)
class Plan:
    """Sizes of the work.

    Attributes:
        text: What is memorized.
        rounds: How often everything is measured.
        gist_chunk_size: Tokens of a section of this package; the original's are 4,096.
        gist_tokens: Longest gist of this package; the original then writes as many tokens together.
        prefix_tokens: Tokens of the prefix that clues continue.
        clue_tokens: Tokens of a clue.
        steps: Decoding steps that are timed.
        kept_text: A text that makes a memory to be loaded.
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
class Contenders:
    """Who takes part.

    Attributes:
        package: This package in float32.
        quickest: This package in the dtype that it chooses itself, where that is another.
        original: memorag 0.1.5, in float32.
        llama: llama.cpp, where it was built.
    """

    package: Peer
    quickest: Peer | None
    original: Peer
    llama: Peer | None


def measure(plan: Plan, who: Contenders) -> Measured:
    """Run all stages in turns, round by round."""
    found: Measured = {}
    given = who.package.run("tokens", text=plan.text, count=plan.prefix_tokens, questions=[QUESTION])
    kept = who.package.run("keep", text=plan.kept_text, place=_place("kept"))
    found["package.save"] = [kept]
    found["original.save"] = [who.original.run("keep", tokens=kept["tokens"], place=_place("kept.pt"))]
    batch = 1
    for number in range(plan.rounds):
        _note(found, "package.limits", who.package.run("limits"))
        _memorize_and_ask(found, plan, who, batch)
        if number == 0 and plan.rounds > 1:
            batch = _better_batch(found, plan, who)
        _continue(found, plan, who.package, "package", given)
        if who.quickest is not None:
            _continue(found, plan, who.quickest, "quickest", given)
        if who.llama is not None:
            who.llama.run("prefill", tokens=given["prefix"][:64])
            _note(found, "llama.prefill", who.llama.run("prefill", tokens=given["prefix"]))
            _note(found, "llama.restore", who.llama.run("restore"))
            _clues(found, plan, who.llama, "llama", given)
        _load(found)
    return found


def _memorize_and_ask(found: Measured, plan: Plan, who: Contenders, batch: int) -> None:
    sizes = {"gist_chunk_size": plan.gist_chunk_size, "gist_tokens": plan.gist_tokens}
    who.package.run("warm")
    mine = who.package.run("memorize", text=plan.text, place=_place("package"), **sizes)
    _note(found, "package.memorize", mine)
    who.original.run("warm")
    theirs = _original_memorizes(plan, who, mine["gist_tokens"], batch)
    _note(found, "original.memorize", theirs)
    who.package.run("warm")
    answer = who.package.run("question", place=_place("package"), question=QUESTION)
    _note(found, "package.question", answer)
    who.original.run("warm")
    _note(found, "original.question", who.original.run("question", question=QUESTION, lengths=answer["lengths"]))
    if who.quickest is not None:
        who.quickest.run("warm")
        quicker = who.quickest.run("memorize", text=plan.text, place=_place("quickest"), **sizes)
        _note(found, "quickest.memorize", quicker)
        _note(found, "quickest.question", who.quickest.run("question", place=_place("quickest"), question=QUESTION))
    queries = [f"{QUESTION} {number}" for number in range(_RETRIEVED)]
    _note(found, "package.retrieval", who.package.run("retrieval", place=_place("package"), questions=queries))


def _original_memorizes(plan: Plan, who: Contenders, tokens: int, batch: int) -> dict[str, Any]:
    return who.original.run("memorize", text=plan.text, new_tokens=tokens, batch=batch, place=_place("original"))


def _load(found: Measured) -> None:
    """Load what was kept, each time in a process of its own."""
    for check in ("size", "full"):
        loaded = _once("package", place=_place("kept"), check=check)
        _note(found, f"package.load_{check}", loaded)
    _note(found, "original.load", _once("original", python=environments.original(), place=_place("kept.pt")))


def _once(stage: str, python: Path | None = None, **given: object) -> dict[str, Any]:
    peer = Peer("loading.py", python=python)
    loaded = peer.run(stage, **given)
    peer.close()
    return loaded


def _better_batch(found: Measured, plan: Plan, who: Contenders) -> int:
    """Return the batch in which the original is quicker: sections one by one, or four at once."""
    together = _original_memorizes(plan, who, found["package.memorize"][0]["gist_tokens"], 4)
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
    """Write one clue, and three as one batch."""
    for count in (1, 3):
        prompts = given["prompts"][:count]
        answered = peer.run("clues", prefix=plan.prefix_tokens, prompts=prompts, new_tokens=plan.clue_tokens, **how)
        _note(found, f"{name}.clues_{count}", answered)


def _note(found: Measured, stage: str, reported: dict[str, Any]) -> None:
    found.setdefault(stage, []).append(reported)


def _place(name: str) -> str:
    return str(KEPT / "work" / name)


def clean() -> None:
    """Remove what an earlier run left."""
    shutil.rmtree(KEPT / "work", ignore_errors=True)
    Path(KEPT / "work").mkdir(parents=True)
