"""Read a question for who does something as one for the role that a text tells: "Who owns it?", "The owner is"."""

import re
from collections.abc import Iterable

_ASKS_WHO = re.compile(r"\bwho\b", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]+")
_VERB_ENDINGS = ("ed", "es", "s", "d", "")
_AGENT_ENDINGS = ("er", "or", "r")
_FEWEST_LETTERS = 3


def with_agent_nouns(question: str, texts: Iterable[str], language_code: str) -> str:
    """Return a question in English with its verbs as the nouns for who does that, where only these stand in the texts.

    Args:
        question: The question.
        texts: The sentences of the evidence.
        language_code: Language of the texts.
    """
    if language_code != "en" or not _ASKS_WHO.search(question):
        return question
    held = {word.lower() for text in texts for word in _WORD.findall(text)}

    def noun(word: re.Match[str]) -> str:
        verb = word[0].lower()
        stems = {verb.removesuffix(ending) for ending in _VERB_ENDINGS if verb.endswith(ending)}
        stems = {stem for stem in stems if len(stem) >= _FEWEST_LETTERS}
        if any(f"{stem}{ending}" in held for stem in stems for ending in _VERB_ENDINGS):
            return word[0]
        agents = sorted(f"{stem}{ending}" for stem in stems for ending in _AGENT_ENDINGS if f"{stem}{ending}" in held)
        return agents[0] if agents else word[0]

    return _WORD.sub(noun, question)
