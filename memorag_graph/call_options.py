"""Options that LangChain passes with a call: ``invoke(..., stop=...)``, ``bind(max_tokens=...)``."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from memorag_graph.errors import InputError
from memorag_graph.option_errors import input_error


def _as_list(stop: object) -> object:
    return [stop] if isinstance(stop, str) else stop


_Tokens = Annotated[int | None, Field(ge=1)]
_Stop = Annotated[list[Annotated[str, Field(min_length=1)]], BeforeValidator(_as_list)]


class CallOptions(BaseModel):
    """Options of one call, by LangChain's names.

    Attributes:
        max_tokens: Maximum tokens of the answer.
        max_new_tokens: The same, by this package's name.
        temperature: Sampling temperature.
        stop: Texts before which the answer ends.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_tokens: _Tokens = None
    max_new_tokens: _Tokens = None
    temperature: float | None = Field(None, ge=0, le=2)
    stop: _Stop = []

    @classmethod
    def of(cls, call: Mapping[str, Any]) -> "CallOptions":
        """Return the options of a call; those that are None are left out.

        Raises:
            InputError: If one is unknown or invalid, or both names of one differ.
        """
        if unknown := sorted(call.keys() - cls.model_fields.keys()):
            raise InputError(unknown[0], f"is no option of a call; choose from {', '.join(cls.model_fields)}")
        try:
            chosen = cls.model_validate({name: value for name, value in call.items() if value is not None})
        except ValidationError as error:
            raise input_error(error) from None
        if len({chosen.max_tokens, chosen.max_new_tokens} - {None}) > 1:
            raise InputError("max_tokens", "differs from max_new_tokens, which means the same; give one")
        return chosen

    @property
    def tokens(self) -> int | None:
        """Maximum tokens of the answer, by either name."""
        return self.max_tokens or self.max_new_tokens

    def changes(self, most_tokens: int | None = None) -> dict[str, Any]:
        """Return the options of the answer that the call changes: ``max_new_tokens`` and ``temperature``.

        Args:
            most_tokens: Most tokens of any answer; asking for more is no error, since it is a maximum.
        """
        tokens = self.tokens
        if tokens is not None and most_tokens is not None:
            tokens = min(tokens, most_tokens)
        chosen = {"max_new_tokens": tokens, "temperature": self.temperature}
        return {name: value for name, value in chosen.items() if value is not None}
