"""Tell whether a sentence poses a question, or tells that somebody did: "Okafor asked what it would cost."."""

import re

_QUESTION = re.compile(r"[?？؟][\"'”’)\]]*\s*$")

_REPORTED = re.compile(
    # English
    r"\b(?:asks?|asked|wonders?|wondered|inquired?|enquired?|wants? to know|wanted to know)\b"
    r"(?:(?!\bto\b)[^.;:]){0,60}?\b(?:what|who|whom|whose|when|where|which|why|how|whether|if)\b"
    # German
    r"|\b(?:frag(?:t|te|ten|en)|gefragt|wissen (?:will|wollte|wollten)|woll(?:te|ten) wissen|will wissen)\b"
    r"[^.;:]{0,60}?,\s*(?:(?:auf|aus|bei|für|in|mit|nach|über|um|von|vor|zu)\s)?"
    r"(?:ob|was|wer|wem|wen|wann|wo\w*|warum|wie\w*|welche\w*)\b"
    # French, Spanish, Italian
    r"|\b(?:demand(?:e|a|é|ent|ait))\b[^.;:]{0,60}?\b(?:si|ce qu[ei']|combien|quand|où|pourquoi|comment|quel\w*|qui)\b"
    r"|\b(?:pregunt(?:a|ó|aba|aron))\b[^.;:]{0,60}?\b(?:si|qué|cuánt\w+|cuándo|dónde|por qué|cómo|cuál\w*|quién\w*)\b"
    r"|\b(?:chie(?:de|se|sto))\b[^.;:]{0,60}?\b(?:se|che cosa|quanto|quando|dove|perché|come|quale|chi)\b",
    re.IGNORECASE,
)


def is_question(text: str) -> bool:
    """Return whether a sentence ends with a question mark."""
    return _QUESTION.search(text) is not None


def poses_question(text: str) -> bool:
    """Return whether a sentence is a question, or reports one, so that what follows may answer it."""
    return is_question(text) or _REPORTED.search(text) is not None
