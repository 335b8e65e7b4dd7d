"""Leave directories of the operator's machine out of what visitors are told."""

import logging
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from memorag_graph.serving.told_errors import BEGINS_PATH, without_homes

_OTHERS = re.compile(rf"{BEGINS_PATH}(?:(?:s3|gs|az|file)://+|~?/(?!/))(?:[^\s/]+/+)+")
"""An absolute path or the URL of an object or file, up to its last part."""

_log = logging.getLogger(__name__)


def without_directories(text: str, homes: Sequence[Path] = ()) -> str:
    """Return a text with files named as they are called, not where they lie; the log gets what is left out.

    Args:
        text: The text, such as the message of an error.
        homes: Directories in which files are named as they lie in them; they may have spaces in their names.
    """
    told = _OTHERS.sub("", without_homes(text, homes))
    if told != text:
        _note(text)
    return told


@lru_cache(maxsize=256)
def _note(text: str) -> None:
    """Log a text once, as a page tells it again whenever it is made anew."""
    _log.warning("visitors are told this without directories: %s", text)
