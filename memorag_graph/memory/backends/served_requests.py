"""Send requests to a served model: within its slots, for one tenant, in a session."""

import logging
import threading
from collections.abc import Iterator, Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.runnables import RunnableConfig

from memorag_graph.memory.backends.request_slots import RequestSlots
from memorag_graph.memory.backends.server_use import ServerUse
from memorag_graph.models.served_language_model import ServedLanguageModel
from memorag_graph.providers.inference_server import ServerFacts
from memorag_graph.providers.redacting_chat import RedactingChat

_log = logging.getLogger(__name__)


class ServedRequests:
    """Requests to a served model. Thread-safe.

    Args:
        model: The model.
        use: How its server is used.
        slots: Limits the requests at once; by default new ones.

    Raises:
        InputError: If the limit is not positive.
    """

    def __init__(self, model: ServedLanguageModel, use: ServerUse, slots: RequestSlots | None = None) -> None:
        self.model = model
        self.use = use
        self.slots = slots or RequestSlots(use.at_once)
        self._told_shared = threading.Event()

    def of_tenant(self, tenant: str) -> "ServedRequests":
        """Return requests of a tenant, which share the slots of the others."""
        other = ServedRequests(self.model, self.use.of_tenant(tenant), self.slots)
        other._told_shared = self._told_shared
        return other

    def facts(self) -> ServerFacts:
        """Return what is known of the server.

        Raises:
            InputError: If tenants cannot be kept apart there.
            ModelUnavailableError: If it cannot be reached, and has to be known because tenants are kept apart.
        """
        server = self.model.inference_server
        needed = server is not None and self.use.is_apart and self.use.engine is None
        known = self.use.told(server.facts() if server and needed else self.model.facts)
        if self.use.is_apart and not known.engine and not self._told_shared.is_set():
            self._told_shared.set()
            _log.warning(
                "requests to %s carry no salt, because its server does not tell that it is vLLM or SGLang: its cache "
                "is shared by all tenants",
                self.model.name,
            )
        return known

    def ask(
        self,
        messages: Sequence[BaseMessage],
        config: RunnableConfig,
        *,
        session: str = "",
        later: bool = False,
        **settings: Any,  # noqa: ANN401 - the chat models' call options
    ) -> AIMessage:
        """Return the reply to a conversation.

        Args:
            messages: The conversation.
            config: Config of the run.
            session: Names what the conversation begins with.
            later: Whether it may wait for others.
            **settings: Options of the call, named as in OpenAI's API.

        Raises:
            InputError: If tenants cannot be kept apart on this server.
            ModelError: If the server does not answer.
        """
        chat, added = self._prepared(session, later=later)
        with self.slots.taken(later=later):
            return chat.invoke(list(messages), config, **settings, **added)

    def stream(
        self,
        messages: Sequence[BaseMessage],
        config: RunnableConfig,
        *,
        session: str = "",
        **settings: Any,  # noqa: ANN401 - the chat models' call options
    ) -> Iterator[AIMessage]:
        """Yield the reply to a conversation piece by piece; arguments and errors are those of :meth:`ask`."""
        chat, added = self._prepared(session, later=False)
        with self.slots.taken():
            yield from chat.stream(list(messages), config, **settings, **added)

    def salted(self, chat: BaseChatModel) -> BaseChatModel:
        """Return a chat model of this server whose requests carry the tenant's salt; they raise what facts raises."""
        if not self.use.is_apart or not isinstance(chat, RedactingChat):
            return chat
        return chat.with_secret_body(lambda: self.use.secret_fields(self.facts()))

    def _prepared(self, session: str, *, later: bool) -> tuple[BaseChatModel, dict[str, Any]]:
        """Return the chat model with the tenant's salt, and the options that a call adds."""
        chat = self.salted(self.model.chat)
        own = self.use.fields(self.facts(), session, later=later)
        added = chat.own_extra_body if isinstance(chat, RedactingChat) else {}
        return chat, {"extra_body": {**own, **added}} if own else {}
