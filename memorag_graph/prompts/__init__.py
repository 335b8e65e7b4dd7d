"""The eight prompt templates per language; callers may replace each."""

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
"""Placeholders that each template must contain."""

MEMORY_PROMPTS: tuple[PromptKey, ...] = ("context", "gist")
"""Prompts that are part of a memory, since it is built with them."""

en_prompts: Mapping[PromptKey, str] = ENGLISH.templates
"""The built-in English templates by key."""

zh_prompts: Mapping[PromptKey, str] = CHINESE.templates
"""The built-in Chinese templates by key."""

_BUILT_IN = {"en": ENGLISH, "zh": CHINESE}
_PLACEHOLDER = re.compile(r"\{(context|question|evidence|memory)\}")
_BLANK_LINES = re.compile(r"\n{3,}")


@dataclass(frozen=True)
class Prompts:
    """Prompt templates for a document.

    Attributes:
        language: Language of the document.
        overrides: The caller's templates by key.
    """

    language: Language
    overrides: Mapping[PromptKey, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Validate the overrides.

        Raises:
            InputError: If a key is unknown or a template lacks a required placeholder.
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
        template = self._texts.templates[key]
        return template if key == "context" else self._in_language(template)

    def _in_language(self, template: str) -> str:
        """Return a template that asks for the document's language, if the template is in another one."""
        if self.language.code in _BUILT_IN:
            return template
        return f"{template}\n\n{ENGLISH.answer_in.replace('{language}', self.language.name)}"

    def fill(self, key: PromptKey, **values: str) -> str:
        """Fill a template's placeholders; braces in the values are kept.

        Placeholders without a value are removed together with the blank lines around them.
        """
        filled = {name for name, value in values.items() if value}
        template = _PLACEHOLDER.sub(lambda match: match[0] if match[1] in filled else "", self[key])
        template = _BLANK_LINES.sub("\n\n", template).strip()
        return _filled(template, values)

    def around_context(self) -> tuple[str, str]:
        """Return the text of the ``context`` template before and after the gists."""
        before, _, after = self["context"].partition("{context}")
        return before, after

    def memory_note(self, draft: str) -> str:
        """Return the note that shows a draft answer to the generator; empty without a draft."""
        return self._texts.memory_note.replace("{draft}", draft) if draft else ""

    @property
    def quotation_note(self) -> str:
        """What the generator is told about fenced passages; ``{mark}`` stands for the mark of the fence."""
        return self._texts.quotation_note

    @property
    def summary_question(self) -> str:
        """Default request for a summary without a question."""
        return self._texts.summary_question

    def about_words(self, words: int) -> str:
        """Return the request to write a summary of about so many words."""
        return self._texts.about_words.replace("{words}", str(words))

    def merge_summaries(self, summaries: str, request: str) -> str:
        """Return the prompt that asks for one summary made from summaries of the parts of a document."""
        template = self._in_language(self._texts.merge_summaries)
        return _filled(template, {"evidence": summaries, "question": request})

    def stand_alone(self, conversation: str, question: str) -> str:
        """Return the prompt that asks to rewrite a question so that it needs no conversation; it keeps its language."""
        return _filled(self._texts.stand_alone, {"evidence": conversation, "question": question})

    @property
    def repeat(self) -> str:
        """Request to repeat the document word for word."""
        return self._texts.repeat

    @property
    def not_contained(self) -> str:
        """What a chat model is asked to write if the passages do not contain the answer."""
        return self._texts.not_contained

    def refusal(self, nearest: str = "") -> str:
        """Return that no passage matches the question well, followed by the nearest quotations if any."""
        return f"{self._texts.nearest} {nearest}" if nearest else self._texts.no_match

    def languages_differ(self, asked: Language, written: Language, nearest: str) -> str:
        """Return the nearest quotations to a question in another language than the document, after what differs."""
        named = self._texts.languages_differ.replace("{asked}", asked.name).replace("{written}", written.name)
        return f"{named} {nearest}"

    def is_refusal(self, text: str) -> bool:
        """Return whether a chat model's answer says that the passages do not contain the answer."""
        return _letters(self._texts.not_contained) in _letters(text)

    def resolved(self) -> dict[PromptKey, str]:
        """Return all eight templates, overrides applied."""
        return {key: self[key] for key in get_args(PromptKey)}

    @property
    def _texts(self) -> LanguagePrompts:
        return _BUILT_IN.get(self.language.code, ENGLISH)


def _filled(template: str, values: Mapping[str, str]) -> str:
    return clean_text(_PLACEHOLDER.sub(lambda match: values[match[1]], template))


def _letters(text: str) -> str:
    """Return a text's letters in lower case, without spaces and punctuation."""
    return "".join(filter(str.isalpha, text.lower()))
