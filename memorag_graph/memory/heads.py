"""The attention heads that point at evidence, chosen once for a model and kept in a small file.

Files are found by the model's fingerprint: those the user made first, then those that come with the package.
"""

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from memorag_graph.errors import InputError, MemoryMismatchError
from memorag_graph.models.language_model import LanguageModel
from memorag_graph.paths import user_dir

_FOLDER = "heads"
_AGAIN = "choose the heads again with: memorag-graph choose-heads"


class HeadChoice(BaseModel):
    """The chosen heads of a model.

    Attributes:
        format: Version of the file.
        model: What the model was called where they were chosen.
        model_fingerprint: Hash of its architecture and weights.
        tokenizer_fingerprint: Hash of its vocabulary and chat template.
        heads: Layer and place among the layer's query heads, best first.
        chosen: How and on what they were chosen, with figures.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    model: str
    model_fingerprint: str
    tokenizer_fingerprint: str
    heads: Annotated[tuple[tuple[int, int], ...], Field(min_length=1)]
    chosen: dict[str, Any] = {}

    def require(self, model: LanguageModel, name: str) -> None:
        """Compare with the model that is in use.

        Raises:
            MemoryMismatchError: If the heads belong to another model.
            InputError: If the model has no such heads, or one is named twice.
        """
        mine = (self.model_fingerprint, self.tokenizer_fingerprint)
        if mine != (model.fingerprint, model.tokenizer_fingerprint):
            raise MemoryMismatchError(f"the heads in {name} belong to another model ({self.model}); {_AGAIN}")
        known = set(all_heads(model))
        if not known.issuperset(self.heads) or len(set(self.heads)) < len(self.heads):
            raise InputError("heads", f"{name} names heads twice, or some that the model does not have; {_AGAIN}")


def all_heads(model: LanguageModel) -> list[tuple[int, int]]:
    """Return every query head of a model, as layer and place."""
    config = model.model.config.get_text_config()
    return [(layer, head) for layer in range(config.num_hidden_layers) for head in range(config.num_attention_heads)]


def user_heads_file(model: LanguageModel) -> Path:
    """Return where the user's choice for a model is kept."""
    return user_dir() / _FOLDER / f"{model.fingerprint}.json"


def find_heads(model: LanguageModel) -> HeadChoice | None:
    """Return the heads chosen for a model, or None where nobody has chosen any.

    Raises:
        InputError: If the file is malformed, or names heads that the model does not have.
        MemoryMismatchError: If the heads belong to another model.
    """
    mine = user_heads_file(model)
    shipped = files("memorag_graph") / _FOLDER / mine.name
    found = next((file for file in (mine, shipped) if file.is_file()), None)
    return read_heads(found, model) if found is not None else None


def read_heads(file: Path | Traversable, model: LanguageModel) -> HeadChoice:
    """Read a file of heads for a model.

    Raises:
        InputError: If the file is malformed, or names heads that the model does not have.
        MemoryMismatchError: If the heads belong to another model.
    """
    try:
        choice = HeadChoice.model_validate_json(file.read_bytes())
    except (OSError, ValidationError) as error:
        reason = str(error).splitlines()[-1 if isinstance(error, OSError) else 0]
        raise InputError("heads", f"{file} cannot be read ({reason}); {_AGAIN}") from None
    choice.require(model, str(file))
    return choice


def write_heads(choice: HeadChoice, file: Path) -> None:
    """Write a file of heads.

    Raises:
        InputError: If it cannot be written.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(choice.model_dump_json(indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise InputError("out", f"{file} cannot be written ({error})") from None
