"""Memory-augmented RAG as a LangGraph state machine."""

__version__ = "0.1.0"
