"""The package's exceptions. Every message says what is wrong and what to do next."""


class MemoragError(RuntimeError):
    """Base of all errors raised on purpose by this package.

    A RuntimeError, because a LangGraph server shows clients the messages of those and hides the others.
    """


class InputError(MemoragError, ValueError):
    """A value given by the caller cannot be used.

    Attributes:
        field: Name of the offending argument, option or state key.
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field


class ModelError(MemoragError):
    """A model or tokenizer cannot be found or used.

    Attributes:
        status_code: HTTP status with which a server refused the request; None where there was none.
    """

    def __init__(self, message: str, status_code: int | None = None) -> None:
        super().__init__(message)
        self.status_code = status_code


class ModelUnavailableError(ModelError):
    """A served model did not answer for the moment; the same request may succeed a little later."""


class CostLimitError(MemoragError):
    """A call was not made because it may cost more than is left."""


class MissingExtraError(MemoragError, ImportError):
    """An optional dependency is not installed; the message names the command that installs it."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs an optional dependency: pip install 'memorag-graph[{extra}]'")
        self.extra = extra


class MemoryFileError(MemoragError):
    """A saved memory is missing, incomplete or damaged; the message names the file."""


class MemoryUnreadableError(MemoryFileError):
    """A saved memory is there, but this program or this user cannot read it; it is never replaced for that."""


class MemoryMismatchError(MemoragError):
    """A memory was made with another model, tokenizer, embedder or format than the one in use."""
