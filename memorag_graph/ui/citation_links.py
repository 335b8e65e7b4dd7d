"""Make the citation marks of answers links: pointing at one shows the passage, a click shows it in its document."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from memorag_graph.generation.citation_check import MARKS
from memorag_graph.ui.panels import show_citation
from memorag_graph.ui.passages import escaped
from memorag_graph.ui.turn_parts import Turn

_PLACE = "#cite-"
_LONGEST_TITLE = 400
_KEY = "citation-links"
_SCRIPT = """
export default function({ setTriggerValue }) {
  const follow = (event) => {
    const link = event.target.closest?.('a[href^="#cite-"]');
    if (!link) return;
    event.preventDefault();
    setTriggerValue("cited", link.getAttribute("href"));
  };
  document.addEventListener("click", follow, true);
  return () => document.removeEventListener("click", follow, true);
}
"""
"""Tells which link was clicked; the address of the page stays as it is."""


def linked(answer: str, citations: Sequence[Mapping[str, Any]], key: str) -> str:
    """Return an answer as Markdown whose marks are links.

    Of several citations of one passage, each mark of it links to the next.

    Args:
        answer: The answer.
        citations: Its citations.
        key: Names the answer in the conversation.
    """
    places: dict[int, list[int]] = defaultdict(list)
    for place, citation in enumerate(citations):
        places[citation["number"]].append(place)
    pieces, end = [], 0
    for mark in MARKS.finditer(answer):
        links = []
        for number in map(int, re.findall(r"\d+", mark[1])):
            if here := places.get(number):
                place = here.pop(0) if len(here) > 1 else here[0]
                links.append(_link(number, f"{_PLACE}{key}-{place}", citations[place]["quote"]))
            else:
                links.append(escaped(f"[{number}]"))
        pieces += [escaped(answer[end : mark.start()]), " ".join(links)]
        end = mark.end()
    return "".join([*pieces, escaped(answer[end:])])


def follow(turns: Sequence[Turn]) -> None:
    """Show the citation whose link is clicked, as long as the page shows these turns."""

    def show() -> None:
        if found := citation_at(turns, st.session_state[_KEY].cited):
            show_citation(*found)

    st.components.v2.component("citation_links", js=_SCRIPT)(key=_KEY, on_cited_change=show, height=1)


def citation_at(turns: Sequence[Turn], place: str | None) -> tuple[Turn, dict[str, Any]] | None:
    """Return the result and the citation to which a link leads; None if it leads nowhere."""
    found = re.fullmatch(rf"{_PLACE}(\d+)(-plain)?-(\d+)", place or "")
    if found is None or int(found[1]) >= len(turns):
        return None
    result = turns[int(found[1])].get("plain" if found[2] else "result")
    if result is None or int(found[3]) >= len(result["citations"]):
        return None
    return result, result["citations"][int(found[3])]


def _link(number: int, target: str, quote: str) -> str:
    title = escaped(" ".join(quote.split())[:_LONGEST_TITLE]).replace('"', '\\"')
    return f'[\\[{number}\\]]({target} "{title}")'
