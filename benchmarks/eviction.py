"""Measure what a full memory loses when part of its keys and values is evicted, with the embedded model in float32.

Sixteen facts are planted in the example document. For each eviction method and each share kept, measures the number of
questions about them that are answered correctly, the negative log-likelihood of the correct values (nats per token),
and the agreement of next tokens with the full memory on other text. Baselines, in the same run: the full memory, and
random eviction.
"""

import argparse
import time
from collections.abc import Sequence
from itertools import takewhile, zip_longest

import torch
from common import DOCUMENT, agreement, build, next_token_scores, write_result

from memorag_graph.documents import Document, read_document
from memorag_graph.inference.decode_session import DecodeSession, open_session
from memorag_graph.kv.prefix import KVPrefix
from memorag_graph.memory.backends.local import LocalMemoryModel
from memorag_graph.memory.eviction.prune import prune
from memorag_graph.memory.prompt_layout import opening_tokens, turn_tokens
from memorag_graph.models.chat_template import Turn
from memorag_graph.models.embedded import EMBEDDED
from memorag_graph.models.language_model import LanguageModel
from memorag_graph.models.loading import ModelSource, load_language_model
from memorag_graph.prompts import Prompts
from memorag_graph.settings import MemorySettings
from memorag_graph.text.languages import language

SHARES = [0.75, 0.5, 0.25]
FILLER_TOKENS = 2_350
TEXTS, TEXT_TOKENS = 10, 50
ANSWER_TOKENS = 24
FACTS = {
    "the code of the north gate": "4831",
    "the name of the night watchman": "Oswin Pell",
    "the colour of the harbour boat": "turquoise",
    "the price of a lantern": "37 pounds",
    "the birthplace of the cook": "Lisbon",
    "the number of the storage room": "216",
    "the name of the office cat": "Biscuit",
    "the favourite tea of the director": "jasmine",
    "the weight of the old anchor": "540 kilograms",
    "the date of the boat race": "9 August",
    "the surname of the plumber": "Vandermeer",
    "the password of the radio": "marigold",
    "the depth of the well": "62 metres",
    "the instrument of the postman": "the trombone",
    "the street of the bakery": "Falcon Lane",
    "the age of the lighthouse": "143 years",
}


def planted(model: LanguageModel) -> tuple[Document, list[int]]:
    """Return the example's beginning with the facts between its paragraphs, and the tokens of the rest."""
    paragraphs = [it for it in read_document(DOCUMENT).text.split("\n\n") if it.strip()]
    sentences = [f"{subject[0].upper()}{subject[1:]} is {value}." for subject, value in FACTS.items()]
    costs = [model.count(it) for it in paragraphs]
    used = next(at for at in range(len(costs)) if sum(costs[: at + 1]) > FILLER_TOKENS)
    mixed: list[str] = []
    for at, paragraph in enumerate(paragraphs[:used]):
        mixed += [paragraph, *sentences[at * len(sentences) // used : (at + 1) * len(sentences) // used]]
    return Document("planted", "\n\n".join(mixed)), model.encode("\n\n".join(paragraphs[used:]))


class Examiner:
    """Asks a memory about the planted facts."""

    def __init__(self, model: LanguageModel, prompts: Prompts) -> None:
        self._model, self._prompts = model, prompts

    def ask(self, kv: KVPrefix) -> dict[str, float]:
        answers = self._answers(kv)
        surprises = self._surprises(kv)
        return {
            "right": sum(
                value.lower() in answer.lower() for value, answer in zip(FACTS.values(), answers, strict=True)
            ),
            "nats_per_token": round(sum(surprises) / len(surprises), 3),
        }

    def _answers(self, kv: KVPrefix) -> list[str]:
        """Decode greedy answers to all questions in one batch."""
        session, scores = self._asked(kv, [self._turn(subject) for subject in FACTS])
        written: list[list[int]] = [[] for _ in FACTS]
        for _ in range(ANSWER_TOKENS):
            for row, token in enumerate(scores.argmax(-1).tolist()):
                written[row].append(token)
            scores = session.step([row[-1] for row in written])
        stops = self._model.stop_tokens
        return [self._model.decode(list(takewhile(lambda it: it not in stops, row))) for row in written]

    def _surprises(self, kv: KVPrefix) -> list[float]:
        """Return the negative log-probability of each token of the correct values."""
        begun = [f"{subject[0].upper()}{subject[1:]} is" for subject in FACTS]
        turns = [self._turn(subject) + self._model.encode(text) for subject, text in zip(FACTS, begun, strict=True)]
        session, scores = self._asked(kv, turns)
        surprises = []
        for column in zip_longest(*(self._model.encode(f" {value}") for value in FACTS.values())):
            logs = scores.log_softmax(-1)
            surprises += [-float(logs[row, token]) for row, token in enumerate(column) if token is not None]
            scores = session.step([0 if token is None else token for token in column])
        return surprises

    def _asked(self, kv: KVPrefix, turns: Sequence[Sequence[int]]) -> tuple[DecodeSession, torch.Tensor]:
        session = open_session(self._model.model, [kv] * len(turns), max(map(len, turns)), ANSWER_TOKENS)
        return session, torch.stack([session.prefill(row, turn) for row, turn in enumerate(turns)])

    def _turn(self, subject: str) -> list[int]:
        question = self._prompts.fill("qa", question=f"What is {subject}?")
        return turn_tokens(self._model, self._prompts, [Turn("user", question)])


def random_choice(kv: KVPrefix, share: float, opening: int, model: LanguageModel) -> KVPrefix:
    torch.manual_seed(0)
    return prune(kv, [torch.rand(keys.shape[:2]) for keys, _ in kv.layers], share, opening, model.model)


def windows(tokens: Sequence[int]) -> list[Sequence[int]]:
    step = len(tokens) // TEXTS
    return [tokens[at * step : at * step + TEXT_TOKENS] for at in range(TEXTS)]


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    model = load_language_model(ModelSource(EMBEDDED, dtype="float32"))
    memory_model, prompts = LocalMemoryModel(model), Prompts(language("en"))
    document, following = planted(model)
    examiner, texts = Examiner(model, prompts), windows(following)
    opening = len(opening_tokens(model, prompts))

    def form(settings: MemorySettings) -> tuple[KVPrefix, float]:
        began = time.perf_counter()
        (shard,) = build(memory_model, document.text, settings).memory.shards
        return shard.kv, round(time.perf_counter() - began, 2)

    whole, seconds = form(MemorySettings(kind="full"))
    reference = next_token_scores(model.model, whole, texts)
    rows = [{"eviction": "none", "kept": 1.0, "tokens": whole.length, "seconds": seconds, **examiner.ask(whole)}]
    print(rows[-1], flush=True)
    for name in ("kvzip", "random"):
        for share in SHARES:
            if name == "random":
                kv, seconds = random_choice(whole, share, opening, model), 0.0
            else:
                kv, seconds = form(MemorySettings(kind="full", kv_keep=share))
            fidelity = agreement(next_token_scores(model.model, kv, texts), reference)
            rows.append({"eviction": name, "kept": share, "tokens": kv.length, "seconds": seconds,
                         **examiner.ask(kv), **fidelity})  # fmt: skip
            print(rows[-1], flush=True)
    write_result("eviction", {"facts": len(FACTS), "rows": rows})


if __name__ == "__main__":
    main()
