"""Tell whether a sentence refers back: it says "it", "her name" or "the company", whose name stands before it.

Known in English, German, French, Spanish, Italian, Portuguese, Dutch, the Scandinavian languages, Polish, Russian,
Turkish, Arabic, Hindi and Chinese.
"""

import re
from itertools import islice

_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_OPENING_WORDS = 6
"""First words of a sentence among which a word that refers back is looked for."""

PRONOUNS = {
    "en": "it its he his him she her hers they their theirs them this these",
    "de": (
        "er sein seine seinen seinem seiner seines sie ihr ihre ihren ihrem ihrer ihres es dieser diese dieses diesem "
        "diesen dies"
    ),
    "fr": "il elle ils elles son sa ses leur leurs cet cette ces",
    "es": "él ella ellos ellas su sus este esta estos estas ese esa esos esas",
    "it": "lui lei loro egli essi esse suo sua suoi sue questo questa questi queste",
    "pt": "ele ela eles elas seu sua seus suas este esta estes estas esse essa esses essas",
    "nl": "hij zij ze hun haar dit deze",
    "sv": "han hon hans hennes dess deras denna detta dessa",
    "da": "han hun hans hendes dens dets deres denne dette disse",
    "nb": "han hun hans hennes dens dets deres denne dette disse",
    "pl": "on ona ono oni one jego jej ich ten ta te",
    "ru": "он она оно они его её ее их этот эта это эти",
    "tr": "o onun onlar onların bu bunlar",
    "ar": "هو هي هم هذا هذه",
    "hi": "वह वे यह ये उसका उसकी उसके उनका उनकी उनके इसका इसकी इसके",
}
_KNOWN = {code: frozenset(words.split()) for code, words in PRONOUNS.items()}
_OF_ANY = frozenset().union(*_KNOWN.values()) - {"o", "on", "ten", "ta", "te"}
"""Without words that mean something else in another language."""

_UNSPACED = {"zh": ("它", "他", "她", "该", "這", "这", "此", "其")}

_ANYWHERE = frozenset({
    *("his", "her", "its", "their", "this", "these", "sein", "seine", "ihre", "dieser", "diese", "dieses", "diesem"),
    *("diesen", "cet", "cette", "ces", "su", "sus", "este", "esta", "estos", "estas", "questo", "questa", "seu", "sua"),
    *("deze", "dit", "denna", "denne", "dette", "этот", "эта", "эти", "его", "её", "их"),
})  # fmt: skip
"""Words that refer back inside a sentence, too; others there mostly refer to the sentence itself."""

_KIND = re.compile(
    r"(?:The|Die|Der|Das|Le|La|L['’]|El|Il|O|A)\s*(?:company|firm|business|shop|store|organi[sz]ation|society|club|team"
    r"|museum|school|hotel|village|town|city|island|ship|vessel|boat|house|building|author|artist|employee|worker|man"
    r"|woman|couple|Firma|Gesellschaft|Unternehmen|Betrieb|Laden|Geschäft|Verein|Schule|Museum|Hotel|Dorf|Stadt|Insel"
    r"|Schiff|Haus|Gebäude|Mann|Frau|Autor|Autorin|société|entreprise|boutique|magasin|ville|île|navire|maison|auteur"
    r"|empresa|compañía|tienda|ciudad|isla|barco|casa|autor|autora)\b"
)
"""A thing or person named by its kind alone."""

_NOTHING = re.compile(
    r"It (?:is|was|has been|will be)(?: not| never)? [\w-]+ (?:to|that)\b|Il (?:(?:n['’])?y a|faut|est \w+ de)\b"
    r"|Il n['’]est (?:pas|plus|jamais) \w+ de\b|Es (?:gibt|gab|ist (?:nicht )?(?:verboten|erlaubt|gestattet|möglich))\b"
)
"""Pronouns that refer to nothing, as in "It is forbidden to smoke"."""


_REST = re.compile(
    r"(?:One|Two|Three|Four|Five|Some|Most|Many|Few|All|Both|None|Neither|Either|Each|Half) of "
    r"(?:them|these|those|us|you)\b|The (?:remaining|others?|rest|latter|former|same)\b"
    r"|(?:Another|Others|Both|Neither)(?! of (?!them\b|these\b|those\b))\b"
)
"""English words for some or the rest of what was told before, as in "One of them was lost"."""

_WHAT = re.compile(r"\bwhat (?:it|he|she|they)\b")
"""As in "Wool is what it buys most"."""


def begins_back(text: str, language_code: str | None = None) -> bool:
    """Return whether a sentence begins with a word that refers back, such as "It" or "Her".

    Args:
        text: The sentence.
        language_code: Its language; None if it may be any.
    """
    if language_code in _UNSPACED:
        return text.startswith(_UNSPACED[language_code])
    known = _OF_ANY if language_code is None else _KNOWN.get(language_code, frozenset())
    first = _WORD.search(text)
    return first is not None and first[0].lower() in known and not _NOTHING.match(text)


def refers_back(text: str, language_code: str) -> bool:
    """Return whether a sentence depends on the one before: it begins so, or says "this employee" before any name."""
    if begins_back(text, language_code) or _KIND.match(text):
        return True
    if language_code == "en" and (_WHAT.search(text) or _REST.match(text)):
        return True
    known = _KNOWN.get(language_code, frozenset()) & _ANYWHERE
    for at, word in enumerate(islice((found[0] for found in _WORD.finditer(text)), _OPENING_WORDS)):
        if word.lower() in known:
            return True
        if at and word[0].isupper() and language_code != "de":
            return False
    return False
