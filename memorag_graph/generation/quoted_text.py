"""Write quotations as the text of an answer, with what each belongs to where it does not say so itself."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import groupby
from operator import itemgetter

from memorag_graph.documents.yearly_headings import named_year
from memorag_graph.generation.answer import Citation
from memorag_graph.generation.asked_terms import asked_terms, held_terms
from memorag_graph.generation.dated_passages import title_of_year
from memorag_graph.generation.surroundings import Surroundings
from memorag_graph.retrieval.retrieve import Evidence
from memorag_graph.text.asking_words import ASKS_YEAR
from memorag_graph.text.mail_labels import QUOTED
from memorag_graph.text.numbers import YEAR

_NOTHING: Mapping[Citation, Surroundings] = {}


def shown(
    citations: Sequence[Citation],
    about: Mapping[Citation, Surroundings] = _NOTHING,
    question: str = "",
    language_code: str = "en",
) -> str:
    """Return quotations with their marks: ``(Article 7) The rules on repairs are decided by the board. [1]``.

    In brackets before a quotation stand the header of its table, the speaker, and the heading if the question asks for
    it by words that the quotation lacks, or for a time that it alone tells, if another quotation says the same, or if
    it is of a message which an e-mail quotes; not again while it stays the same.

    Args:
        citations: The quotations, in order.
        about: What each belongs to.
        question: The question.
        language_code: Language of the document.
    """
    parts = []
    asked = asked_terms(question, language_code)
    told = Counter(it.quote for it in citations)
    before = ""
    for citation in citations:
        surroundings = about.get(citation)
        is_needed = told[citation.quote] > 1 or _alone_tells_year(surroundings, question, citation.quote)
        belongs = _belongs(citation, surroundings, asked, language_code, is_needed=is_needed)
        prefix = f"({belongs}) " if belongs and belongs != before else ""
        before = belongs
        parts.append(f"{prefix}{' '.join(citation.quote.split())} [{citation.number}]")
    return " ".join(parts)


def shown_by_year(citations: Sequence[Citation], evidence: Sequence[Evidence]) -> str:
    """Return quotations with their marks, those of each year in a paragraph: ``(2014) Debt fell. [1]``.

    That is where headings or names of documents tell the years of all, of which there are several.

    Args:
        citations: The quotations, in order.
        evidence: The passages that they are of.
    """
    years = [named_year(title_of_year(evidence[it.number - 1])) for it in citations]
    if not all(years) or len(set(years)) == 1:
        return shown(citations)
    dated = groupby(zip(years, citations, strict=True), key=itemgetter(0))
    return "\n\n".join(f"({year}) {shown([it for _, it in group])}" for year, group in dated)


def _alone_tells_year(about: Surroundings | None, question: str, quote: str) -> bool:
    """Return whether a question asks when, and the heading of a quotation tells a year that it lacks itself."""
    if about is None or not ASKS_YEAR.search(question):
        return False
    return YEAR.search(about.heading) is not None and YEAR.search(quote) is None


def _belongs(
    citation: Citation, about: Surroundings | None, asked: Sequence[str], language_code: str, *, is_needed: bool
) -> str:
    if about is None:
        return citation.header or ""
    lacking = set(asked) - set(held_terms(citation.quote, language_code))
    heading = about.heading if is_needed or lacking & set(held_terms(about.heading, language_code)) else ""
    if citation.section and citation.section.startswith(QUOTED):
        heading = citation.section
    return ", ".join(filter(None, (" ".join(heading.split()), about.speaker, citation.header)))
