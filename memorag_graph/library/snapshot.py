"""The documents that a question may be answered from: those of a time that fit a filter."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from memorag_graph.errors import InputError
from memorag_graph.library.entry import Entry
from memorag_graph.library.row_table import Among
from memorag_graph.library.where import Where, condition_of

AsOf = str | date
"""A time: an ISO 8601 text, a date (its end) or a datetime; without a time zone it is in UTC."""

_EMPTY = "The library has no documents yet; add some first."
_FITTING = (
    "The library has no document that fits the filter and the time of the question; see the list of its documents."
)


@dataclass(frozen=True, eq=False, slots=True)
class Snapshot:
    """Documents at a time.

    Attributes:
        entries: Their entries, by id.
        among: How the index is told to search only these.
    """

    entries: dict[int, Entry]
    among: Among

    @property
    def notices(self) -> tuple[str, ...]:
        """What a reader should know of them."""
        if self.entries:
            return ()
        return (_FITTING if self.among.without or self.among.only is not None else _EMPTY,)

    @classmethod
    def of(cls, all_entries: Sequence[Entry], where: Where | None = None, as_of: AsOf | None = None) -> "Snapshot":
        """Choose documents.

        Args:
            all_entries: All versions of all documents.
            where: A filter; see :mod:`memorag_graph.library.where`.
            as_of: The time whose versions are meant; None for now.

        Raises:
            InputError: If the filter or the time cannot be used.
        """
        moment = "" if as_of is None else moment_of(as_of)
        visible = [entry for entry in all_entries if entry.is_visible(moment)]
        holds = condition_of(where, (entry.fields for entry in visible)) if where else None
        chosen = {entry.id: entry for entry in visible if holds is None or holds(entry.fields)}
        others = frozenset(entry.id for entry in all_entries if entry.id not in chosen)
        only = frozenset(chosen)
        return cls(chosen, Among(only) if len(only) < len(others) else Among(without=others))


def moment_of(given: AsOf) -> str:
    """Return a time in ISO 8601 (UTC), with microseconds; of a date, its end.

    Raises:
        InputError: If it is no time.
    """
    if isinstance(given, str):
        try:
            given = date.fromisoformat(given) if len(given) <= len("2026-01-31") else datetime.fromisoformat(given)
        except ValueError:
            raise InputError("as_of", f"{given!r} is no time; write 2026-01-31 or 2026-01-31T09:30") from None
    if not isinstance(given, date):
        raise InputError("as_of", f"must be a date or a time, not {type(given).__name__}")
    if not isinstance(given, datetime):
        given = datetime.combine(given, time.max)
    moment = given.astimezone(UTC) if given.tzinfo else given.replace(tzinfo=UTC)
    return moment.isoformat(timespec="microseconds")
