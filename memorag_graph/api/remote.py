"""A memory held by an inference server."""

from collections.abc import Mapping
from typing import Any

from memorag_graph.api.memory import Memory
from memorag_graph.errors import InputError
from memorag_graph.memory.backends.served import served_memory_model
from memorag_graph.memory.backends.server_use import AT_ONCE, ServerUse
from memorag_graph.providers.agent import Agent
from memorag_graph.providers.inference_server import Engine
from memorag_graph.providers.provider_models import Source
from memorag_graph.providers.usage import Usage
from memorag_graph.registry import Registry
from memorag_graph.settings import MemoryKindName


class RemoteMemory(Memory):
    """Memorizes a text with a served model and answers from memory, like :class:`Memory`.

    Every request starts with the same notes on the text, so a server with automatic prefix caching (vLLM, SGLang,
    OpenAI, DeepSeek) computes them once. Only the text of the notes is kept here. A vLLM or SGLang server reads the
    memory before the first question, counts the tokens, and tells which model it serves: a memory is used only with the
    model that it was made with.

    Args:
        model: The model's name, or an :class:`Agent`.
        source: ``"openai"``, also for any server that speaks its protocol; ``"azure"`` or ``"deepseek"``.
        api_dict: ``api_key``, ``base_url``, ``default_headers``, ``extra_body`` and others; see :class:`Agent`.
        temperature: 0 to 2; 0 is deterministic.
        window: Maximum tokens of prompt and answer together; by default the server's (vLLM: ``--max-model-len``), at
            most 32,768.
        kind: ``"gist"``: summaries of the text's sections; ``"full"``: the whole text.
        registry: Keeps the model and its memories; by default a new one, because a registry holds one API key per
            model name. To use the model in a pipeline:
            ``MemoRAGLite(remote.model_name_or_path, registry=remote.registry)``.
        tenant: Whose cache on the server is read, if several share it: requests carry a salt, and nobody can tell by
            timing what another tenant asked. Take it from a credential, never from what a client writes.
        secret: Secret of the salts; by default ``MEMORAG_GRAPH_CACHE_SECRET``, else one that is made once and kept.
        engine: ``"vllm"`` or ``"sglang"``, for a server behind a gateway that hides which it is.
        by_priority: Whether vLLM runs with ``--scheduling-policy priority``, so that questions come before gists.
        kv_transfer_params: Sent with each request, for vLLM's connectors.
        warm_up: Whether the server reads a memory right after memorizing, and again after a question missed it.
        at_once: Maximum requests at once; questions take a free place before gists.

    Raises:
        InputError: If an argument is unknown or out of range, or the registry already has a model of that name.
        ModelError: If there is no key.
        MissingExtraError: If the source's package is not installed.

    Example:
        >>> memory = RemoteMemory("llama", api_dict={"api_key": "sk-...", "base_url": server_url})
        >>> memory.memorize(text)
        >>> memory.answer("Who was proud of the harbour at Thorle?")
        'Captain Struan was proud of the harbour at Thorle [1].'
    """

    def __init__(
        self,
        model: str | Agent,
        source: Source = "openai",
        api_dict: Mapping[str, Any] | None = None,
        temperature: float = 0.0,
        *,
        window: int | None = None,
        kind: MemoryKindName = "gist",
        registry: Registry | None = None,
        tenant: str | None = None,
        secret: str = "",
        engine: Engine | None = None,
        by_priority: bool = False,
        kv_transfer_params: Mapping[str, Any] | None = None,
        warm_up: bool = True,
        at_once: int = AT_ONCE,
    ) -> None:
        self.agent = model if isinstance(model, Agent) else Agent(model, source, api_dict, temperature)
        name = f"{self.agent.source}:{self.agent.model}"
        registry = registry or Registry()
        if name in registry.models.loaded_models():
            raise InputError(
                "registry", f"already has a model {name!r}, perhaps with another API key; use another registry"
            )
        use = ServerUse(tenant, secret, engine, by_priority, kv_transfer_params or {}, warm_up, at_once)
        registry.add_memory_model(name, served_memory_model(name, self.agent.chat, window, use))
        super().__init__(name, kind=kind, registry=registry)

    def __repr__(self) -> str:
        """Show the model's name and source, never its key."""
        return f"RemoteMemory({self.agent.model!r}, source={self.agent.source!r})"

    @property
    def usage(self) -> Usage:
        """Calls, tokens, those of them that the server found in its cache, and cost so far."""
        return self.agent.usage
