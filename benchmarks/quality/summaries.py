"""Compare extractive summaries with lead, TextRank, LexRank and LSA (sumy), or fit the weights of salience.

    python benchmarks/quality/summaries.py DATA/squality_dev DATA/qmsum_val DATA/chunk_evidence
    python benchmarks/quality/summaries.py --fit DATA/squality_train DATA/qmsum_train

All summaries of a data set have the same maximum of words, the median length of its references. Of chunk_evidence, the
articles are summarized, each in as many words as its lead has (benchmarks/quality/articles.py). ROUGE is the F-measure
against the nearest reference. The peers choose among the same sentences as the package. Results are written to
benchmarks/results/summaries.json. Comparing needs sumy, which the package does not.
"""

import argparse
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from articles import articles
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray
from wording_fits import PENALTY, SHORT_TURN, as_model, keep, ridge, unscaled

from memorag_graph.documents import Document
from memorag_graph.evaluation.chunks import count_tokens, split_document
from memorag_graph.evaluation.dataset import Question
from memorag_graph.evaluation.formats.load_dataset import load_dataset
from memorag_graph.evaluation.metrics.answer_metrics import ROUGE, rouge
from memorag_graph.evaluation.significance import difference, interval
from memorag_graph.generation.answer import GenerationInput
from memorag_graph.generation.quotable_sentences import units_of
from memorag_graph.generation.summary.cover import cover
from memorag_graph.generation.summary.extract import extract
from memorag_graph.generation.summary.salience import share_of_turns, without_speaker, word_features
from memorag_graph.generation.summary.sentence_features import SPEECH, sentence_features
from memorag_graph.generation.summary.sentences import sentences_of_chunks
from memorag_graph.generation.wording_model import function_word_shares
from memorag_graph.models.loading import ModelSource, load_embeddings
from memorag_graph.prompts import Prompts
from memorag_graph.retrieval.stop_words import stop_words
from memorag_graph.retrieval.terms import terms
from memorag_graph.text.languages import detect_language
from memorag_graph.text.words import count_words

RESULTS = Path(__file__).parent.parent / "results" / "summaries.json"
BUDGET = 1536
OWN = "memorag_graph"
WORDS_PER_TOKEN = 0.75
Case = tuple[Document, Question]
Matrix = NDArray[np.float64]


def cases(folder: Path, limit: int = 0) -> list[Case]:
    """Return the requests for a summary of each document, one a document."""
    if folder.name == "chunk_evidence":
        return articles(folder)[: limit or None]
    data = load_dataset(str(folder))
    general = {it.document_id: it for it in reversed(data.questions) if it.kind == "general"}
    found = [(data.documents[key], question) for key, question in sorted(general.items())]
    return found[:limit] if limit else found


# Comparing


def own_summary(document: Document, words: int, embeddings: Embeddings) -> list[str]:
    """Summarize as the graph does, from the evidence of the whole."""
    language = detect_language(document.text)
    tokens = round(words / WORDS_PER_TOKEN)
    chunks = split_document(document, 128)
    evidence = cover(
        chunks,
        {document.source: document.page_map},
        max(BUDGET, tokens),
        words,
        embeddings=embeddings,
        count_tokens=count_tokens,
        language_code=language.code,
    )
    given = GenerationInput(
        question="",
        task_type="summarize",
        evidence=evidence,
        outline=[],
        draft="",
        prompts=Prompts(language, {}),
        max_tokens=tokens,
    )
    chosen, _ = extract(given, units_of(evidence, language.code))
    return [it.quote for it in chosen]


def peers(sentences: Sequence[str], words: int) -> Iterator[tuple[str, list[str]]]:
    """Yield the name and summary of each peer."""
    from sumy.models.dom import ObjectDocumentModel, Paragraph, Sentence
    from sumy.nlp.stemmers import Stemmer
    from sumy.summarizers.lex_rank import LexRankSummarizer
    from sumy.summarizers.lsa import LsaSummarizer
    from sumy.summarizers.text_rank import TextRankSummarizer

    class Words:
        @staticmethod
        def to_words(text: str) -> list[str]:
            return re.findall(r"[^\W\d_]+", text.lower())

    made = [Sentence(it, Words()) for it in sentences]
    document = ObjectDocumentModel([Paragraph(made)])
    yield "lead", within(sentences, range(len(sentences)), words)
    for name, summarizer in {
        "TextRank": TextRankSummarizer,
        "LexRank": LexRankSummarizer,
        "LSA": LsaSummarizer,
    }.items():
        peer = summarizer(Stemmer("english"))
        peer.stop_words = stop_words("en")
        yield name, within(sentences, ranked(peer, document), words)


def ranked(peer: Any, document: Any) -> list[int]:  # noqa: ANN401 - sumy has no types
    """Return the positions of a document's sentences, best first, as a peer rates them."""
    found: list[int] = []

    def keep(sentences: Sequence[Any], _count: object, rating: Any, *more: Any) -> tuple[()]:  # noqa: ANN401
        scores = [rating[it] if isinstance(rating, dict) else rating(it, *more) for it in sentences]
        found.extend(sorted(range(len(scores)), key=lambda at: -float(scores[at])))
        return ()

    peer._get_best_sentences = keep
    peer(document, 1)
    return found


def within(sentences: Sequence[str], ranked: Sequence[int], words: int) -> list[str]:
    """Return the best sentences that fit, in document order; the first in any case."""
    chosen: list[int] = []
    for at in ranked:
        length = len(sentences[at].split())
        if length <= words or not chosen:
            chosen.append(at)
            words -= length
    return [sentences[at] for at in sorted(chosen)]


def compare(folder: Path, limit: int) -> dict[str, object]:
    """Return the scores of all summarizers on one data set."""
    found = cases(folder, limit)
    usual = round(median(count_words(it) for _, question in found for it in question.answers))
    is_own_length = folder.name == "chunk_evidence"
    embeddings = load_embeddings(ModelSource("embedded"))
    scores: dict[str, list[dict[str, float]]] = {}
    lengths: dict[str, list[int]] = {}
    for document, question in found:
        words = count_words(question.answers[0]) if is_own_length else usual
        code = detect_language(document.text).code
        maps = {document.source: document.page_map}
        sentences = [it.citation.quote for it in sentences_of_chunks(split_document(document, 128), maps, code)]
        for name, summary in [(OWN, own_summary(document, words, embeddings)), *peers(sentences, words)]:
            text = " ".join(map(without_speaker, summary))
            scores.setdefault(name, []).append(
                {key: value or 0.0 for key, value in rouge(text, question.answers).items()}
            )
            lengths.setdefault(name, []).append(count_words(text))
        print(
            folder.name,
            document.source,
            {key: round(100 * means(it)["rouge1"], 1) for key, it in scores.items()},
            flush=True,
        )
    others = [name for name in scores if name != OWN]
    result: dict[str, object] = {"words": usual, "documents": len(found)}
    for name, each in scores.items():
        result[name] = {
            **{key: asdict(interval([it[key] for it in each], 0)) for key in ROUGE},
            "words": float(np.mean(lengths[name])),
        }
    for key in ROUGE:
        best = max(others, key=lambda name: means(scores[name])[key])
        own, other = ([it[key] for it in scores[name]] for name in (OWN, best))
        result[f"{key} above {best}"] = asdict(difference(own, other, 0))
    return result


def means(scores: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the mean of each figure."""
    return {key: float(np.mean([it[key] for it in scores])) for key in ROUGE}


# Fitting


@dataclass(frozen=True)
class Prepared:
    """A document for fitting: its sentences without speakers, the words of each, its references, and how it is told."""

    sentences: list[str]
    held: list[list[str]]
    answers: Sequence[str]
    code: str
    turns: float


def fit(folders: Sequence[Path]) -> None:
    """Fit both models on the summaries of some data sets, each document weighing the same.

    The weights of words are printed, those of sentences written to the package.
    """
    documents = [prepared(*case) for folder in folders for case in cases(folder)]
    of_words = [(word_features(it.held), [set(terms(ref, it.code)) for ref in it.answers]) for it in documents]
    features = np.concatenate([matrix for (_, matrix), _ in of_words])
    shares = np.array([np.mean([word in it for it in refs]) for (words, _), refs in of_words for word in words])
    first = logistic(features, shares)
    print("WORD_WEIGHTS =", tuple(round(float(it), 4) for it in first))
    likely = [
        dict(zip(words, (1 / (1 + np.exp(-first[0] - matrix @ first[1:]))).tolist(), strict=True))
        for (words, matrix), _ in of_words
    ]
    together = list(zip(documents, likely, strict=True))
    listed = sorted(stop_words("en"))
    models = {
        "summary": sentence_weights(together, []),
        "summary_of_speech": sentence_weights([it for it in together if it[0].turns >= SPEECH], listed, SHORT_TURN),
    }
    keep(models)


def sentence_weights(
    documents: Sequence[tuple[Prepared, Mapping[str, float]]], listed: list[str], added: int = 0
) -> dict[str, object]:
    """Return the weights of a model of sentences, with those of some function words."""
    inputs, targets, weights = [], [], []
    for it, likely in documents:
        features = sentence_features(it.sentences, it.held, likely, it.code)
        inputs.append(np.concatenate([features, function_word_shares(it.sentences, listed)], axis=1))
        raw = np.array(
            [np.mean([overlap(plain(one), plain(ref), added) for ref in it.answers]) for one in it.sentences]
        )
        targets.append((raw - raw.mean()) / raw.std())
        weights.append(np.full(len(raw), 1 / len(raw)))
    penalty = PENALTY if listed else 1.0
    found = ridge(np.concatenate(inputs), np.concatenate(targets), np.concatenate(weights), penalty)
    return as_model(found, listed)


def prepared(document: Document, question: Question) -> Prepared:
    """Return a document and the summaries of it for fitting."""
    code = detect_language(document.text).code
    quotes = [unit.citation.quote for unit in sentences_of_chunks(split_document(document, 128), {}, code)]
    sentences = [without_speaker(it) for it in quotes]
    return Prepared(sentences, [terms(it, code) for it in sentences], question.answers, code, share_of_turns(quotes))


def plain(text: str) -> list[str]:
    """Return all words in lower case."""
    return re.findall(r"[^\W_]+", text.lower())


def overlap(words: Sequence[str], reference: Sequence[str], added: int) -> float:
    """Return half the share of words, and the share of pairs of words, that a reference holds.

    ``added`` words are counted with each sentence, so that those of a few words are worth little.
    """
    held, held_pairs = set(reference), set(pairwise(reference))
    single, double = sum(word in held for word in words), sum(pair in held_pairs for pair in pairwise(words))
    return 0.5 * single / max(len(words) + added, 1) + double / max(len(words) - 1 + added, 1)


def logistic(features: Matrix, shares: Matrix) -> Matrix:
    """Return intercept and coefficients of a logistic regression on shares."""
    from sklearn.linear_model import LogisticRegression

    mean, deviation = features.mean(axis=0), features.std(axis=0)
    twice = np.concatenate([(features - mean) / deviation] * 2)
    classes = np.repeat([1, 0], len(features))
    model = LogisticRegression(max_iter=500).fit(twice, classes, sample_weight=np.concatenate([shares, 1 - shares]))
    return unscaled(model.intercept_[0], model.coef_[0], mean, deviation)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--fit", action="store_true", help="fit the weights instead of comparing")
    parser.add_argument("--limit", type=int, default=0, help="maximum documents per data set; 0 for all")
    given = parser.parse_args()
    if given.fit:
        fit(given.folders)
        return
    results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else {}
    results |= {folder.name: compare(folder, given.limit) for folder in given.folders}
    RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
