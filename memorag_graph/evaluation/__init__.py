"""Compare pipelines on a data set: one row per question and pipeline, metrics with intervals, a report and plots.

Raises:
    MissingExtraError: On import, if the extra ``eval`` is not installed.
"""

from importlib.util import find_spec

from memorag_graph.errors import MissingExtraError

for _library in ("langchain_classic", "matplotlib", "rouge_score", "scipy"):
    if find_spec(_library) is None:
        raise MissingExtraError(f"evaluation ({_library})", "eval")
