"""Question + memory → recalled spans, surrogate questions, draft answer, outline."""

from langchain_core.runnables import RunnableConfig

HIDDEN: RunnableConfig = {"tags": ["nostream"]}
"""Keeps what is drafted on the way out of the stream of answer tokens."""
