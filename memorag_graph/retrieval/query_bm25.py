"""BM25 of the terms of a query alone, in a fifth of the time that an index of all terms takes."""

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from math import log

import numpy as np

from memorag_graph.retrieval.bm25 import BM25


def query_bm25(wanted: Collection[str], terms_of: Sequence[Sequence[str]]) -> BM25:
    """Return an index that knows only some terms, and scores them as bm25s's index of all terms does.

    That is BM25 as in Lucene, with exact lengths (Kamphuis et al., "Which BM25 do you mean?", ECIR 2020).

    Args:
        wanted: The terms.
        terms_of: All terms of each text; one without terms counts as one term long.
    """
    made, wanted = BM25(), frozenset(wanted)
    lengths = np.array([len(found) or 1 for found in terms_of])
    brake = made.k1 * ((1 - made.b) + made.b * lengths / lengths.mean())
    holders: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for text, found in enumerate(terms_of):
        for term, count in Counter(filter(wanted.__contains__, found)).items():
            holders[term].append((text, count))
    scores, texts, ends = [], [], [0]
    for held in holders.values():
        rarity = np.float32(log(1 + (len(terms_of) - len(held) + 0.5) / (len(held) + 0.5)))
        at, counts = np.array(held).T
        scores.append((rarity * (counts / (brake[at] + counts))).astype(np.float32))
        texts.append(at.astype(np.int32))
        ends.append(ends[-1] + len(held))
    made.scores = {
        "data": np.concatenate([*scores, np.zeros(0, np.float32)]),
        "indices": np.concatenate([*texts, np.zeros(0, np.int32)]),
        "indptr": np.array(ends, dtype=np.int32),
        "num_docs": len(terms_of),
    }
    made.nonoccurrence_array = None  # used only by variants of BM25 that score missing terms
    made.vocab_dict = {term: at for at, term in enumerate(holders)}
    return made
