"""Memory-augmented RAG as a LangGraph state machine."""

from importlib import import_module
from typing import TYPE_CHECKING

from memorag_graph.version import __version__ as __version__

if TYPE_CHECKING:
    from memorag_graph.api.dense_retriever import DenseRetriever as DenseRetriever
    from memorag_graph.api.memory import Memory as Memory
    from memorag_graph.api.model import Model as Model
    from memorag_graph.api.pipeline import MemoRAG as MemoRAG
    from memorag_graph.api.pipeline import MemoRAGLite as MemoRAGLite
    from memorag_graph.api.remote import RemoteMemory as RemoteMemory
    from memorag_graph.langchain.chain import memorag_chain as memorag_chain
    from memorag_graph.langchain.chat_model import memory_chat as memory_chat
    from memorag_graph.langchain.retriever import MemoRAGRetriever as MemoRAGRetriever
    from memorag_graph.langchain.tool import memorag_tool as memorag_tool
    from memorag_graph.library.library import Library as Library
    from memorag_graph.providers.agent import Agent as Agent

_PLACES = {
    "Agent": "providers.agent",
    "DenseRetriever": "api.dense_retriever",
    "Library": "library.library",
    "MemoRAG": "api.pipeline",
    "MemoRAGLite": "api.pipeline",
    "MemoRAGRetriever": "langchain.retriever",
    "Memory": "api.memory",
    "Model": "api.model",
    "RemoteMemory": "api.remote",
    "memorag_chain": "langchain.chain",
    "memorag_tool": "langchain.tool",
    "memory_chat": "langchain.chat_model",
}

__all__ = [*_PLACES]


def __getattr__(name: str) -> object:
    """Import a name where it is first used, so that importing the package loads nothing."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_PLACES])
