"""Keep a model's intermediate texts out of the stream of answer tokens."""

from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import merge_configs

HIDDEN: RunnableConfig = {"tags": ["nostream"]}
"""Config of a run whose tokens are not streamed to the user; LangGraph knows the tag."""


def hidden(config: RunnableConfig | None) -> RunnableConfig:
    """Return a run's config for an intermediate text: its callbacks still count the tokens."""
    return merge_configs(config, HIDDEN)
