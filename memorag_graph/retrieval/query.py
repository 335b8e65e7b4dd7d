"""What evidence is searched for with, and how much each kind of query says."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from memorag_graph.settings import QueryKind

WEIGHTS: Mapping[QueryKind, float] = MappingProxyType(
    {"question": 1.0, "span": 0.25, "surrogate": 0.25, "draft": 0.15, "outline": 1.0}
)
"""Say of each kind of query in the fused ranking, shared by all queries of the kind."""


@dataclass(frozen=True, slots=True)
class Query:
    """A search text and what it is."""

    kind: QueryKind
    text: str
