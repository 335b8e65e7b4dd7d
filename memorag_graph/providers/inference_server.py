"""Ask an inference server what it serves, and count tokens with its tokenizer: vLLM, SGLang and others like them."""

import hashlib
import json
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from langchain_core.language_models import BaseChatModel

from memorag_graph.errors import ModelError, ModelUnavailableError
from memorag_graph.providers.redacting_chat import RedactingChat

Engine = Literal["vllm", "sglang", ""]
"""A server whose requests take salts, sessions and priorities; empty for any other."""

_FRESH = 300.0
"""Seconds after which the server is asked again what it serves."""

_UNREACHED = 10.0
"""Seconds for which a server that could not be reached is not asked again."""

_COUNTS = 1 << 16
_NOT_IMPLEMENTED = 501
_PROBE = "Zwölf Boxkämpfer jagten 1,234 lazy dogs über 高い山;\n\tfor (i = 0; i < n; ++i) { x += f(i); }"
"""A text that different vocabularies divide differently."""


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """What a server tells about itself; empty where it does not tell.

    Attributes:
        engine: The server's program.
        version: Version of the program.
        root: Where the served model came from: a hub name or a folder on the server.
        window: Maximum tokens of prompt and answer together; 0 if unknown.
        tokenizer: Hash of how the model's tokenizer and chat template divide a sample.
        lmcache: Whether SGLang keeps its cache in LMCache; None if it does not tell.
        later: The priority of requests that may wait for others, whose priority is 0; None if the server does not
            schedule by priority, or does not tell (vLLM).
    """

    engine: Engine = ""
    version: str = ""
    root: str = ""
    window: int = 0
    tokenizer: str = ""
    lmcache: bool | None = None
    later: int | None = None

    @property
    def served(self) -> str:
        """The model and its tokenizer in a few words; a memory is used only with the same."""
        return f"{self.root} (tokenizer {self.tokenizer or 'unknown'})" if self.root else ""

    @property
    def server(self) -> str:
        """The program in a few words."""
        return f"{self.engine} {self.version}".strip()


class InferenceServer:
    """The server behind a chat model. Thread-safe.

    Args:
        chat: The chat model.
        model: The model's name there.
    """

    def __init__(self, chat: RedactingChat, model: str) -> None:
        self._chat = chat
        self._model = model
        self._facts: ServerFacts | None = None
        self._asked = -_FRESH
        self._unreached = -_UNREACHED
        self._counts: OrderedDict[bytes, int] = OrderedDict()
        self._lock = threading.Lock()

    @classmethod
    def of(cls, chat: BaseChatModel) -> "InferenceServer | None":
        """Return the server of a chat model; None if it is a service that tells nothing of the kind."""
        if not isinstance(chat, RedactingChat) or not chat.may_be_own_server:
            return None
        return cls(chat, str(chat.model_dump(include={"model_name"})["model_name"]))

    def facts(self) -> ServerFacts:
        """Return what the server tells about itself, at most five minutes old.

        Raises:
            ModelUnavailableError: If it has never been reached and cannot be reached now.
        """
        with self._lock:
            now = time.monotonic()
            if self._facts is not None and now - self._asked < _FRESH:
                return self._facts
            if now - self._unreached < _UNREACHED:
                return self._known()
            try:
                told = self._ask()
            except ModelUnavailableError:
                told = None
            if told is None or (self._facts and self._facts.engine and not told.engine):
                # A server that is restarting, or a gateway before it, may name no model; salts are not left out for it.
                self._unreached = time.monotonic()
                return self._known()
            self._facts, self._asked = told, time.monotonic()
            return told

    def known_facts(self) -> ServerFacts:
        """Return what the server tells about itself; nothing if it cannot be reached."""
        try:
            return self.facts()
        except ModelUnavailableError:
            return ServerFacts()

    def ask_again(self) -> None:
        """Have the next :meth:`facts` ask the server: it may have been restarted."""
        with self._lock:
            self._asked = -_FRESH

    def count(self, text: str) -> int | None:
        """Return the number of tokens of a text by the served model's tokenizer; None if it cannot be asked."""
        key = hashlib.sha256(text.encode()).digest()
        with self._lock:
            if key in self._counts:
                self._counts.move_to_end(key)
                return self._counts[key]
            if time.monotonic() - self._unreached < _UNREACHED:
                return None
        if not self.known_facts().tokenizer:
            return None
        try:
            tokens = self._tokens({"prompt": text, "add_special_tokens": False})
        except ModelUnavailableError:
            with self._lock:
                self._unreached = time.monotonic()
            return None
        except ModelError:
            return None
        with self._lock:
            self._counts[key] = len(tokens)
            if len(self._counts) > _COUNTS:
                self._counts.popitem(last=False)
        return len(tokens)

    def _known(self) -> ServerFacts:
        if self._facts is None:
            raise ModelUnavailableError(
                f"the server of {self._model} cannot be reached; check that it runs, and its address (base_url)"
            )
        return self._facts

    def _ask(self) -> ServerFacts:
        card = self._card()
        engine: Engine = card["owned_by"] if card.get("owned_by") in ("vllm", "sglang") else ""
        if not engine:  # a service that may charge for requests, or knows none of the others
            return ServerFacts(root=str(card.get("root") or ""))
        about = self._told("../server_info") or self._told("../get_server_info") if engine == "sglang" else {}
        version = about.get("version") or self._told("../version").get("version", "")
        later = 1 if about.get("schedule_low_priority_values_first") else -1
        return ServerFacts(
            engine,
            str(version),
            str(card.get("root") or ""),
            _whole(card.get("max_model_len")),
            self._tokenizer_hash(),
            about.get("enable_lmcache"),
            later if about.get("enable_priority_scheduling") else None,
        )

    def _card(self) -> Mapping[str, Any]:
        """Return what the server tells about the model; nothing if it does not name it."""
        cards = self._told("models").get("data")
        named = (it for it in cards if isinstance(it, Mapping)) if isinstance(cards, list) else iter(())
        return next((it for it in named if it.get("id") == self._model), {})

    def _tokenizer_hash(self) -> str:
        if not (plain := self._sample({"prompt": _PROBE, "add_special_tokens": False})):
            return ""
        in_chat = self._sample({"messages": [{"role": "system", "content": "a"}, {"role": "user", "content": "b"}]})
        return hashlib.sha256(json.dumps([plain, in_chat]).encode()).hexdigest()[:16]

    def _sample(self, request: Mapping[str, Any]) -> list[int]:
        """Return the tokens of a sample; none if the server does not count such (SGLang's counts texts alone).

        Raises:
            ModelUnavailableError: If the server cannot be reached or is busy.
        """
        try:
            return self._tokens(request)
        except ModelError as error:
            if _may_know_it(error):
                raise
            return []

    def _tokens(self, request: Mapping[str, Any]) -> list[int]:
        reply = self._chat.fetch("../tokenize", {"model": self._model, **request})
        tokens = reply.get("tokens") if isinstance(reply, Mapping) else None
        return tokens if isinstance(tokens, list) else []

    def _told(self, path: str) -> Mapping[str, Any]:
        """Return what an address tells; nothing if the server knows none of that name.

        Raises:
            ModelUnavailableError: If the server cannot be reached or is busy.
        """
        try:
            reply = self._chat.fetch(path)
        except ModelError as error:
            if _may_know_it(error):
                raise
            return {}
        return reply if isinstance(reply, Mapping) else {}


def _may_know_it(error: ModelError) -> bool:
    """Return whether a server that answered with an error may answer the same request later."""
    return isinstance(error, ModelUnavailableError) and error.status_code != _NOT_IMPLEMENTED


def _whole(told: object) -> int:
    return told if type(told) is int and told > 0 else 0
