"""Write quotations as the text of an answer, with what each belongs to where it does not say so itself."""

from collections import Counter
from collections.abc import Mapping, Sequence

from memorag_graph.generation.answer import Citation
from memorag_graph.generation.asked_terms import held_terms
from memorag_graph.generation.surroundings import Surroundings
from memorag_graph.text.mail_labels import QUOTED

_NOTHING: Mapping[Citation, Surroundings] = {}


def shown(
    citations: Sequence[Citation],
    about: Mapping[Citation, Surroundings] = _NOTHING,
    asked: Sequence[str] = (),
    language_code: str = "en",
) -> str:
    """Return quotations with their marks: ``(Article 7) The rules on repairs are decided by the board. [1]``.

    In brackets before a quotation stand the header of its table, the speaker, and the heading if the question asks for
    it by words that the quotation lacks, if another quotation says the same, or if it is of a message which an e-mail
    quotes; not again while it stays the same.

    Args:
        citations: The quotations, in order.
        about: What each belongs to.
        asked: The terms of the question.
        language_code: Language of the document.
    """
    parts = []
    told = Counter(it.quote for it in citations)
    before = ""
    for citation in citations:
        belongs = _belongs(citation, about.get(citation), asked, language_code, repeated=told[citation.quote] > 1)
        prefix = f"({belongs}) " if belongs and belongs != before else ""
        before = belongs
        parts.append(f"{prefix}{' '.join(citation.quote.split())} [{citation.number}]")
    return " ".join(parts)


def _belongs(
    citation: Citation, about: Surroundings | None, asked: Sequence[str], language_code: str, *, repeated: bool
) -> str:
    if about is None:
        return citation.header or ""
    lacking = set(asked) - set(held_terms(citation.quote, language_code))
    heading = about.heading if repeated or lacking & set(held_terms(about.heading, language_code)) else ""
    if citation.section and citation.section.startswith(QUOTED):
        heading = citation.section
    return ", ".join(filter(None, (" ".join(heading.split()), about.speaker, citation.header)))
