"""Draft gists with a served model."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, as_completed

from langchain_core.messages import HumanMessage
from langchain_core.runnables.config import get_executor_for_config

from memorag_graph.memory.backends.served_requests import ServedRequests
from memorag_graph.memory.build.gist_kind import GistPlan
from memorag_graph.models.thinking import without_thinking
from memorag_graph.unstreamed import HIDDEN


class ServedGistWriter:
    """Drafts gists with several requests at once, which let questions go first.

    Args:
        requests: Sends requests.
    """

    def __init__(self, requests: ServedRequests) -> None:
        self._requests = requests

    def draft(
        self, sections: Mapping[str, str], costs: Mapping[str, int], plan: GistPlan, report: Callable[[int], None]
    ) -> Iterator[tuple[str, str]]:
        """Yield the key and the draft of each section; see :class:`memorag_graph.memory.build.gist_kind.GistWriter`.

        After a failure no new request is sent, but running ones are awaited and used, because they cost money.

        Raises:
            InputError: If tenants cannot be kept apart on this server.
            ModelError: If the server does not answer.
        """

        def ask(key: str) -> str:
            request = HumanMessage(plan.request(sections[key]).text)
            reply = self._requests.ask([request], HIDDEN, later=True, max_tokens=plan.gist_tokens)
            return without_thinking(reply.text).strip()

        failure: BaseException | None = None
        with get_executor_for_config({"max_concurrency": self._requests.slots.at_once}) as executor:
            drafts = {executor.submit(ask, key): key for key in costs}
            try:
                for draft in as_completed(drafts):
                    if draft.cancelled():
                        continue
                    if (error := draft.exception()) is None:
                        report(0)
                        yield drafts[draft], draft.result()
                    else:
                        failure = failure or error
                        _cancel(drafts)
            finally:
                _cancel(drafts)
        if failure is not None:
            raise failure


def _cancel(drafts: Iterable[Future[str]]) -> None:
    """Cancel requests that have not started."""
    for draft in drafts:
        draft.cancel()
