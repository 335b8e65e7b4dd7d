"""The options that a caller gives a LangChain component: as :class:`RunOptions`, or as a mapping."""

from collections.abc import Mapping
from typing import Any

from memorag_graph.errors import InputError
from memorag_graph.settings import RunOptions, run_options

Options = RunOptions | Mapping[str, Any]
"""Options of a run, checked by :func:`given_options`."""


def given_options(options: Options | None) -> RunOptions:
    """Return the options; the defaults for None.

    Raises:
        InputError: If one is unknown, out of range or of the wrong type.
    """
    if options is None or isinstance(options, RunOptions):
        return options or RunOptions()
    if not isinstance(options, Mapping):
        raise InputError("options", f"must be RunOptions or a mapping of options, not {type(options).__name__}")
    return run_options(options)
