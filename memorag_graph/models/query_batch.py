"""Embed the queries of a question together, as cheaply as their model allows."""

from typing import Protocol, runtime_checkable

from langchain_core.embeddings import Embeddings
from langchain_core.runnables.config import ContextThreadPoolExecutor

_AT_ONCE = 8
"""Maximum requests to a served model at a time."""


@runtime_checkable
class EmbedsQueries(Protocol):
    """A model that embeds several queries in one call."""

    def embed_queries(self, queries: list[str]) -> list[list[float]]:
        """Return the vector that ``embed_query`` returns, for each query."""


def embed_each_query(embeddings: Embeddings, queries: list[str]) -> list[list[float]]:
    """Return the vector of each query, as ``embed_query`` returns it; some models embed queries unlike passages.

    A model on this machine gets one batch if it can, else one query at a time; a served one several requests at once.
    """
    if isinstance(embeddings, EmbedsQueries):
        return embeddings.embed_queries(queries)
    if len(queries) > 1 and _treats_alike(embeddings):
        return embeddings.embed_documents(queries)
    if len(queries) > 1 and _is_served(embeddings):
        with ContextThreadPoolExecutor(min(_AT_ONCE, len(queries))) as pool:
            return list(pool.map(embeddings.embed_query, queries))
    return [embeddings.embed_query(query) for query in queries]


def _treats_alike(embeddings: Embeddings) -> bool:
    """Return whether a model of langchain-huggingface embeds queries like passages."""
    if not type(embeddings).embed_query.__module__.startswith("langchain_huggingface."):
        return False  # or a subclass of its models, which may put a prompt before queries
    of_passages = getattr(embeddings, "encode_kwargs", None)
    of_queries = getattr(embeddings, "query_encode_kwargs", None)
    return isinstance(of_passages, dict) and isinstance(of_queries, dict) and of_queries in ({}, of_passages)


def _is_served(embeddings: Embeddings) -> bool:
    """Return whether a model is a client of a server: such clients have asynchronous calls of their own."""
    return type(embeddings).aembed_query is not Embeddings.aembed_query
