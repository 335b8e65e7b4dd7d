"""KeyDiff: a token is worth how little its key resembles the others."""

from torch.nn.functional import cosine_similarity, normalize

from memorag_graph.kv.eviction.scoring import Scores
from memorag_graph.kv.prefix import KVPrefix


def keydiff_scores(kv: KVPrefix) -> Scores:
    """Score by the distance of each key's direction from the mean direction of its head.

    Park et al., "KeyDiff: Key similarity-based KV cache eviction for long-context LLM inference in
    resource-constrained environments" (2025). Needs no pass of the model.

    Args:
        kv: Keys and values of the text.
    """
    scores = []
    for keys, _ in kv.layers:
        mean = normalize(keys.float(), dim=-1).mean(dim=1, keepdim=True)
        scores.append(-cosine_similarity(keys.float(), mean, dim=-1))
    return scores
