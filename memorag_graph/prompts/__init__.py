"""The eight prompts, per language, each of which a caller may replace."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import get_args

from memorag_graph.documents import clean_text
from memorag_graph.errors import InputError
from memorag_graph.prompts.en import ENGLISH
from memorag_graph.prompts.prompt_texts import LanguagePrompts
from memorag_graph.prompts.zh import CHINESE
from memorag_graph.settings import PromptKey
from memorag_graph.text.languages import Language

REQUIRED_FIELDS: Mapping[PromptKey, frozenset[str]] = MappingProxyType(
    {
        "context": frozenset({"context"}),
        "gist": frozenset({"context"}),
        "span": frozenset({"question"}),
        "sur": frozenset({"question"}),
        "qa": frozenset({"question"}),
        "sum": frozenset(),
        "qa_gen": frozenset({"evidence", "question"}),
        "sum_gen": frozenset({"evidence"}),
    }
)
"""Placeholders that a template must contain."""

OWN_PROMPTS: tuple[PromptKey, ...] = ("context", "gist")
"""The prompts that are part of a memory: it is made with them."""

en_prompts: Mapping[PromptKey, str] = ENGLISH.templates
"""The built-in English templates by key."""

zh_prompts: Mapping[PromptKey, str] = CHINESE.templates
"""The built-in Chinese templates by key."""

_OWN_LANGUAGES = {"en": ENGLISH, "zh": CHINESE}
_PLACEHOLDER = re.compile(r"\{(context|question|evidence|memory)\}")
_BLANK_LINES = re.compile(r"\n{3,}")


@dataclass(frozen=True)
class Prompts:
    """The prompt templates in use for a document.

    Attributes:
        language: Language of the document.
        overrides: Templates given by the caller, by key.
    """

    language: Language
    overrides: Mapping[PromptKey, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check the overrides.

        Raises:
            InputError: If a key is unknown or a template lacks a placeholder that it needs.
        """
        for key, template in self.overrides.items():
            if key not in REQUIRED_FIELDS:
                raise InputError(f"prompts.{key}", f"unknown key; choose from {', '.join(get_args(PromptKey))}")
            missing = REQUIRED_FIELDS[key] - set(_PLACEHOLDER.findall(template))
            if missing:
                names = ", ".join(f"{{{name}}}" for name in sorted(missing))
                raise InputError(f"prompts.{key}", f"the template must contain {names}")

    def __getitem__(self, key: PromptKey) -> str:
        """Return the template of a key."""
        if key in self.overrides:
            return self.overrides[key]
        template = self._own.templates[key]
        if self.language.code in _OWN_LANGUAGES or key == "context":
            return template
        return f"{template}\n\n{ENGLISH.answer_in.replace('{language}', self.language.name)}"

    def fill(self, key: PromptKey, **values: str) -> str:
        """Fill a template's placeholders; braces in the values stay as they are.

        A placeholder without a value leaves no gap behind.
        """
        filled = {name for name, value in values.items() if value}
        template = _PLACEHOLDER.sub(lambda match: match[0] if match[1] in filled else "", self[key])
        template = _BLANK_LINES.sub("\n\n", template).strip()
        return clean_text(_PLACEHOLDER.sub(lambda match: values[match[1]], template))

    def around_context(self) -> tuple[str, str]:
        """Return what the ``context`` template says before and after the gists."""
        before, _, after = self["context"].partition("{context}")
        return before, after

    def memory_note(self, draft: str) -> str:
        """Present a draft answer to the generator; empty without one."""
        return self._own.memory_note.replace("{draft}", draft) if draft else ""

    @property
    def summary_question(self) -> str:
        """The request that stands in for a question when a summary is asked for without one."""
        return self._own.summary_question

    @property
    def repeat(self) -> str:
        """The request for the document word by word."""
        return self._own.repeat

    def refusal(self, nearest: str = "") -> str:
        """Say that the document does not contain the answer, with the quotations nearest to it, if there are any."""
        own = self._own
        return f"{own.not_contained}\n{own.nearest} {nearest}" if nearest else own.not_contained

    def is_refusal(self, text: str) -> bool:
        """Tell whether a written answer says what :meth:`refusal` says."""
        return _letters(self._own.not_contained) in _letters(text)

    def resolved(self) -> dict[PromptKey, str]:
        """Return all eight templates as they will be used."""
        return {key: self[key] for key in get_args(PromptKey)}

    @property
    def _own(self) -> LanguagePrompts:
        return _OWN_LANGUAGES.get(self.language.code, ENGLISH)


def _letters(text: str) -> str:
    """Return a text's letters in lower case: spaces and marks may differ."""
    return "".join(filter(str.isalpha, text.lower()))
