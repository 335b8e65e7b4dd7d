"""Search queries, and the weight of each kind of query."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from memorag_graph.settings import QueryKind

WEIGHTS: Mapping[QueryKind, float] = MappingProxyType(
    {"question": 1.0, "span": 0.05, "surrogate": 0.25, "draft": 0.4, "outline": 1.0, "missing": 1.0}
)
"""Weight of each kind of query in the fused ranking, divided among the queries of the kind.

Chosen with the embedded model, whose spans lower evidence recall and whose drafts raise it (docs/experiments.md).
"""


@dataclass(frozen=True, slots=True)
class Query:
    """A search text.

    Attributes:
        kind: Its kind.
        text: The text.
        document: Name of the document in which it is searched; empty for all.
    """

    kind: QueryKind
    text: str
    document: str = ""
