"""Recall spans, surrogate questions, a draft answer and an outline from a memory."""

from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import merge_configs

HIDDEN: RunnableConfig = {"tags": ["nostream"]}
"""Keeps intermediate drafts out of the stream of answer tokens."""


def hidden(config: RunnableConfig | None) -> RunnableConfig:
    """Return a run's config for an intermediate draft: its callbacks still count the tokens."""
    return merge_configs(config, HIDDEN)
