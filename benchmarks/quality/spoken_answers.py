"""Fit how the turns of a conversation that answer are put, or compare answers with the reference by F1.

    python benchmarks/quality/spoken_answers.py --fit DATA/qmsum_train [--documents 70]
    python benchmarks/quality/spoken_answers.py DATA/qmsum_val

The evidence is what the question alone finds within 1,536 tokens. A turn is worth the share of its words that the
reference answer holds. Results are written to benchmarks/results/spoken_answers.json.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))
from common import write_result
from evidence_data import read, touches
from searched import Searched
from wording_fits import PENALTY, SHORT_TURN, as_model, keep, ridge

from memorag_graph.evaluation.metrics.answer_metrics import f1, words
from memorag_graph.evaluation.significance import interval
from memorag_graph.generation.answer import GenerationInput
from memorag_graph.generation.extractive_generator import ExtractiveGenerator
from memorag_graph.generation.quotable_sentences import units_of
from memorag_graph.generation.spoken_answer import length_features
from memorag_graph.generation.summary.salience import without_speaker
from memorag_graph.generation.wording_model import function_word_shares
from memorag_graph.models.loading import ModelSource, load_embeddings
from memorag_graph.retrieval.stop_words import stop_words

EMBEDDINGS = load_embeddings(ModelSource("embedded"))
Spans = list[tuple[int, int]]


def asked(folder: Path, most: int) -> Iterator[tuple[GenerationInput, str, Spans]]:
    """Yield what the generator gets for each question, its reference answer and its evidence."""
    documents, questions = read(folder)
    for name, text in list(documents.items())[:most]:
        searched = Searched.of(name, text, EMBEDDINGS)
        for question in (it for it in questions if it["document_id"] == name):
            yield searched.asked(question["query"]), question["answer"], question["evidence"]
        print(name, flush=True)


def worth(turn: str, reference: str) -> float:
    """Return the share of a turn's words that a reference holds."""
    held = Counter(words(turn))
    return (held & Counter(words(reference))).total() / (held.total() + SHORT_TURN)


def fit(folder: Path, most: int) -> None:
    """Fit the model, and keep it in the package."""
    listed = sorted(stop_words("en"))
    features, targets = [], []
    for given, reference, _ in asked(folder, most):
        turns = [without_speaker(it.citation.quote) for it in units_of(given["evidence"], "en")]
        features.append(np.concatenate([length_features(turns), function_word_shares(turns, listed)], axis=1))
        targets.append([worth(turn, reference) for turn in turns])
    every = np.concatenate(features)
    fitted = ridge(every, np.concatenate(targets), np.ones(len(every)), PENALTY)
    keep({"spoken_answer": as_model(fitted, listed)})


def compare(folder: Path, most: int) -> None:
    """Measure F1, and how many answers and sentences touch the evidence."""
    generator = ExtractiveGenerator(embeddings=EMBEDDINGS)
    scores, touching, shares, quoted = [], [], [], []
    for given, reference, evidence in asked(folder, most):
        answer = generator.invoke(given)
        on_evidence = [touches([(it.start, it.end)], evidence) for it in answer.citations]
        scores.append(f1(answer.text, [reference]) or 0.0)
        touching.append(float(any(on_evidence)))
        shares.append(float(np.mean(on_evidence)) if on_evidence else 0.0)
        quoted.append(float(len(on_evidence)))
    found = {"f1": scores, "touches_evidence": touching, "sentences_on_evidence": shares, "sentences": quoted}
    figures = {name: asdict(interval(values, 0)) for name, values in found.items()}
    write_result("spoken_answers", {"data": folder.name, "questions": len(scores), **figures})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--fit", action="store_true", help="fit the weights instead of comparing")
    parser.add_argument("--documents", type=int, default=1000, help="maximum documents")
    given = parser.parse_args()
    (fit if given.fit else compare)(given.folder, given.documents)


if __name__ == "__main__":
    main()
