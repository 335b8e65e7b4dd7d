"""Weigh the sentences of documents that explain: reports, articles and manuals, which have sections.

What summaries of stories and of meetings hold (:mod:`memorag_graph.generation.summary.salience`) says less about these.
In their summaries, a sentence counts more the nearer it is to the mean of its document (Radev and others,
"Centroid-based summarization of multiple documents", 2004, with embeddings), and less if it goes on from another one.
In stories and conversations, that is no gain (``docs/experiments.md``).
"""

from collections.abc import Sequence

import numpy as np
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray

from memorag_graph.generation.summary.salience import share_of_turns
from memorag_graph.generation.summary.sentence_features import QUOTES, SPEECH, words_of_speakers
from memorag_graph.retrieval.dense_index import embed
from memorag_graph.text.back_references import refers_back
from memorag_graph.text.context_needed import needs_context

Matrix = NDArray[np.float64]

_CENTRAL = 1.0
"""Weight of a sentence's similarity with its document, in standard deviations."""

_NEEDS_CONTEXT = 1.0
"""What a sentence loses that goes on from another one, or announces what follows."""

_DIALOGUE = 0.05
"""Share of sentences in quotation marks that say "I" or "you" from which a document is a story. Stories have 0.08 or
more (5th percentile of 50), articles and reports 0.03 at most."""

_MOST_COMPARED = 1000
"""Sentences of a document that are embedded at most: some five seconds on two cores."""

_STRETCHES = 20
"""Equal stretches of a longer document, from each of which as many are."""


def explains(sentences: Sequence[str], sections: int, language_code: str) -> bool:
    """Return whether a document has sections, and is neither a story nor a conversation.

    Args:
        sentences: Its sentences.
        sections: The number of its sections.
        language_code: ISO 639-1 code of its language.
    """
    if sections < 2 or share_of_turns(sentences) >= SPEECH:
        return False
    said = sum(bool(QUOTES.search(it)) and words_of_speakers(it, language_code) > 0 for it in sentences)
    return said < _DIALOGUE * len(sentences)


def weights(sentences: Sequence[str], salience: Matrix, embeddings: Embeddings, language_code: str) -> Matrix:
    """Return what is added to the salience of each sentence of such a document, shape (sentences,).

    Args:
        sentences: Its sentences, at least one.
        salience: The salience of each; of a long document, the most salient of each stretch are compared with it.
        embeddings: Embeds them.
        language_code: ISO 639-1 code of its language; in English, sentences without a pronoun may need others, too.
    """
    compared = _compared(salience)
    near = _nearness([sentences[at] for at in compared], embeddings)
    centrality = np.full(len(sentences), near.min())
    centrality[compared] = near
    needing = np.array([needs_others(it, language_code) for it in sentences], dtype=np.float64)
    return _CENTRAL * centrality - _NEEDS_CONTEXT * needing


def needs_others(sentence: str, language_code: str) -> bool:
    """Return whether a sentence goes on from another one, or announces what follows."""
    announces = sentence.rstrip().endswith((":", "："))
    return announces or refers_back(sentence, language_code) or (language_code == "en" and needs_context(sentence))


def _compared(salience: Matrix) -> list[int]:
    if len(salience) <= _MOST_COMPARED:
        return list(range(len(salience)))
    most = _MOST_COMPARED // _STRETCHES
    stretches = np.array_split(np.arange(len(salience)), _STRETCHES)
    return [int(at) for each in stretches for at in each[np.argsort(-salience[each], kind="stable")[:most]]]


def _nearness(sentences: Sequence[str], embeddings: Embeddings) -> Matrix:
    """Return the cosine of each sentence and the mean of all, in standard deviations."""
    vectors = embed(embeddings, sentences).astype(np.float64)
    near = vectors @ vectors.mean(axis=0)
    found: Matrix = (near - near.mean()) / max(float(near.std()), 1e-9)
    return found
