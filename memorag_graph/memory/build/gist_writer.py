"""Draft gists with a local model."""

from collections.abc import Callable, Iterator, Mapping

from memorag_graph.memory.build.gist_kind import GistPlan
from memorag_graph.models.gist_batch import GistBatch
from memorag_graph.models.language_model import LanguageModel
from memorag_graph.models.sampling import NO_REPEAT, Sampling
from memorag_graph.models.scheduler import Scheduler
from memorag_graph.models.thinking import without_thinking

_SHORTER = 4
"""Sections this many times shorter than the longest are summarized in shorter rows."""


class BatchGistWriter:
    """Drafts gists in batches; a gist depends on the row length to the bit, so that depends on the section alone.

    Args:
        scheduler: Runs the model.
        model: The model.
    """

    def __init__(self, scheduler: Scheduler, model: LanguageModel) -> None:
        self._scheduler = scheduler
        self._model = model

    def draft(
        self, sections: Mapping[str, str], costs: Mapping[str, int], plan: GistPlan, report: Callable[[int], None]
    ) -> Iterator[tuple[str, str]]:
        """Yield the key and the draft of each section; see :class:`memorag_graph.memory.build.gist_kind.GistWriter`."""
        sampling = Sampling(plan.gist_tokens, no_repeat=NO_REPEAT)
        rows = {key: _row(cost, plan.section_tokens) for key, cost in costs.items()}
        for row in sorted(set(rows.values()), reverse=True):
            batch: GistBatch[str] = GistBatch(self._scheduler, self._model, row + plan.frame_tokens, sampling, report)
            keys = sorted((key for key in costs if rows[key] == row), key=lambda key: -costs[key])
            requests = ((key, self._model.encode_chat([plan.request(sections[key])])) for key in keys)
            for key, tokens in batch.write(requests, len(keys)):
                yield key, without_thinking(self._model.decode(tokens)).strip()


def _row(cost: int, longest: int) -> int:
    """Return the row length, in tokens of a section, for a section of this many tokens."""
    row = longest
    while cost <= row // _SHORTER:
        row //= _SHORTER
    return row
