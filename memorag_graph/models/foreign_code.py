"""Refuse model directories that name Python code of their own.

Some versions of sentence-transformers run such code without being asked, so the files that can name it are read first.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from memorag_graph.errors import ModelError

_KNOWN = ("sentence_transformers.", "torch.nn.")


def require_no_code(directory: Path) -> None:
    """Check that a sentence-transformers model consists of the library's own modules.

    Args:
        directory: The model's directory; anything else is not checked.

    Raises:
        ModelError: If it names a class of its own, or a file that may name one cannot be read.
    """
    for name in _named_classes(directory):
        if not name.startswith(_KNOWN):
            raise ModelError(
                f"{directory} names the class {name!r}, whose code would be run; only modules of sentence-transformers "
                "are loaded"
            )


def _named_classes(directory: Path) -> Iterator[str]:
    for path in sorted(directory.glob("**/modules.json")):
        modules = _read(path)
        for module in modules if isinstance(modules, list) else []:
            yield str(module.get("type", "")) if isinstance(module, dict) else ""
    for path in sorted(directory.glob("**/config*.json")):
        yield from _functions(_read(path))


def _functions(config: object) -> Iterator[str]:
    """Yield the classes of activation functions that a configuration names, at any depth."""
    if isinstance(config, dict):
        for key, value in config.items():
            if key in ("activation_fn", "activation_function") and isinstance(value, str) and "." in value:
                yield value
            yield from _functions(value)


def _read(path: Path) -> object:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{path} cannot be read ({error}); restore the model") from None
