"""Convert a caller's generator to a LangChain chat model."""

from typing import Any, Protocol, runtime_checkable

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from pydantic import ConfigDict, Field

from memorag_graph.errors import InputError


@runtime_checkable
class HasChat(Protocol):
    """A model of this package, e.g. :class:`memorag_graph.Agent` or :class:`memorag_graph.Model`."""

    @property
    def chat(self) -> BaseChatModel:
        """The model as a LangChain chat model."""


@runtime_checkable
class Generates(Protocol):
    """A model with the interface of the original MemoRAG's models."""

    def generate(self, prompts: str, **settings: Any) -> "list[str] | str":  # noqa: ANN401 - another's interface
        """Answer a prompt; if a list is returned, its first text is used."""


class GeneratingChat(BaseChatModel):
    """Chat model over an object with a ``generate`` method."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    model: Any = Field(exclude=True, repr=False)

    @property
    def _llm_type(self) -> str:
        return "memorag-customized"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,  # noqa: ANN401 - LangChain's interface
    ) -> ChatResult:
        answers = self.model.generate("\n\n".join(message.text for message in messages))
        text = answers if isinstance(answers, str) else answers[0]
        return ChatResult(generations=[ChatGeneration(message=AIMessage(text))])


def as_chat(model: object) -> BaseChatModel:
    """Return a chat model for a chat model, an agent, or any object with a ``generate`` method.

    Raises:
        InputError: If it is none of these.
    """
    if isinstance(model, BaseChatModel):
        return model
    if isinstance(model, HasChat):
        return model.chat
    if isinstance(model, Generates):
        return GeneratingChat(model=model)
    raise InputError(
        "customized_gen_model", f"must be an Agent, a Model or a LangChain chat model, not {type(model).__name__}"
    )
