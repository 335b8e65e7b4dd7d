"""Exceptions of the package. Every message says what is wrong and what to do next."""


class MemoragError(RuntimeError):
    """Base class of the package's errors.

    It is a RuntimeError because a LangGraph server shows clients only the messages of those.
    """

    @property
    def for_clients(self) -> str:
        """The message for clients of a service, who have not chosen its engines: without the addresses of those."""
        return str(self)


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message, or the name of its class if it has none."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


class InputError(MemoragError, ValueError):
    """An argument, option or state key is invalid.

    Attributes:
        field: Its name.
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field


class UnknownMemoryError(InputError):
    """No memory has the id or name that a caller gives."""


class UnknownDocumentError(InputError):
    """A library has no document of the name that a caller gives."""


class TakenNameError(InputError):
    """A library cannot have a name, as another one has it."""


class UnreadFormatError(InputError):
    """A file is of a format that is not read; a converter may read it."""

    def __init__(self, message: str) -> None:
        super().__init__("file", message)


class ModelError(MemoragError):
    """A model or tokenizer cannot be found, loaded or used.

    Attributes:
        status_code: HTTP status of the server's refusal; None if there is none.
    """

    def __init__(self, message: str, status_code: int | None = None) -> None:
        super().__init__(message)
        self.status_code = status_code


class ModelUnavailableError(ModelError):
    """A served model is temporarily unavailable; retrying later may succeed."""


class ForbiddenError(MemoragError):
    """A client's credential does not allow what it asked for."""


class UnavailableError(MemoragError):
    """Something that a service depends on cannot be reached; trying again later may succeed.

    Attributes:
        engine: What clients are told instead of the message, which may hold addresses; empty if it holds none.
        since: Since when it has not answered; empty if it refuses.
    """

    def __init__(self, message: str, engine: str = "", since: str = "") -> None:
        super().__init__(message)
        self.engine = engine
        self.since = since

    @property
    def for_clients(self) -> str:
        """The message for clients of a service: the engine, since when, what to do, and what can be asked meanwhile."""
        if not self.engine:
            return str(self)
        fails = f"has not answered since {self.since}" if self.since else "cannot be used"
        return (
            f"{self.engine} {fails}; nothing is lost: try again later, or tell whoever runs this service. Meanwhile "
            "single memories, and libraries that are kept elsewhere, can be asked"
        )


class QuotaError(MemoragError):
    """A tenant has used up what it may use in some time.

    Attributes:
        retry_seconds: When to try again.
    """

    def __init__(self, message: str, retry_seconds: float) -> None:
        super().__init__(message)
        self.retry_seconds = retry_seconds


class StorageQuotaError(MemoragError):
    """A tenant may not keep more memories."""


MEMORY_IS_FULL = "the machine's memory is full; close other programs, or give a smaller document"
"""What to tell instead of Python's :class:`MemoryError`."""


class NoRoomError(MemoragError):
    """Something does not fit in the machine's memory or on its disk; the message says the sizes."""


class CancelledRunError(MemoragError):
    """A run was given up because nobody waits for it."""


class TimeLimitError(MemoragError):
    """A run took longer than it may."""


class CostLimitError(MemoragError):
    """A call was not made because it might exceed the cost limit."""


class MissingExtraError(MemoragError, ImportError):
    """An optional dependency is not installed; the message names the command that installs it."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs an optional dependency: pip install 'memorag-graph[{extra}]'")


class DiskError(MemoragError):
    """A file of the service cannot be read or written; the message names it, the reason and what to do."""


class MemoryFileError(MemoragError):
    """A saved memory is missing, incomplete or damaged; the message names the file."""


class MemoryUnreadableError(MemoryFileError):
    """A saved memory exists but this version or user cannot read it; it is never replaced."""


class LibraryError(MemoragError):
    """A library of documents is missing, damaged, in use or made by a newer version; the message says what to do."""


class UnknownLibraryError(LibraryError):
    """There is no such library."""


class LibraryBusyError(LibraryError):
    """Somebody else changes the library; try again later."""


class MemoryMismatchError(MemoragError):
    """A memory was built with another model, tokenizer, embedding model or format than the one in use."""
