"""Gists drafted by a local model."""

from collections.abc import Callable, Iterator, Mapping

from memorag_graph.memory.build.gist_kind import GistPlan
from memorag_graph.models.chat_template import without_thinking
from memorag_graph.models.language_model import LanguageModel
from memorag_graph.models.sampling import NO_REPEAT, Sampling
from memorag_graph.models.gist_batch import GistBatch
from memorag_graph.models.scheduler import Scheduler

_SHORTER = 4
"""Sections of which so many fit the longest one are digested in shorter rows."""


class BatchGistWriter:
    """Drafts gists in rows whose length depends on the section alone, as the bits of a gist do on its row.

    Args:
        scheduler: The model's thread.
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
            slots: GistBatch[str] = GistBatch(self._scheduler, self._model, row + plan.frame_tokens, sampling, report)
            keys = sorted((key for key in costs if rows[key] == row), key=lambda key: -costs[key])
            requests = ((key, self._model.encode_chat([plan.request(sections[key])])) for key in keys)
            for key, tokens in slots.write(requests, len(keys)):
                yield key, without_thinking(self._model.decode(tokens)).strip()


def _row(cost: int, longest: int) -> int:
    """Return the most tokens of a section in a row of the kind that one of this length goes to."""
    row = longest
    while cost <= row // _SHORTER:
        row //= _SHORTER
    return row
