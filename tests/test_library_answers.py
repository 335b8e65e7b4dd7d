"""Questions to a library: the right documents, evidence from each that is compared, none from what is removed."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from memorag_graph.documents.yearly_headings import FEWEST_YEARS
from memorag_graph.errors import InputError
from memorag_graph.library.choose_documents import DOCUMENTS
from memorag_graph.library.library import Library
from memorag_graph.registry import Registry
from memorag_graph.settings import RunOptions
from memorag_graph.text.comparisons import compares
from tests.conftest import HashEmbeddings

HARBOURS = ("Thorle", "Inshay", "Brannay", "Averil", "Tarvay", "Sandholm")


@pytest.fixture(scope="module")
def registry() -> Registry:
    registry = Registry()
    registry.add_embeddings("hash", HashEmbeddings(32))
    return registry


def report(harbour: str, number: int) -> str:
    filler = f"The weather at {harbour} was mild. Boats were painted, and nets were mended by the crews. "
    return (
        f"# Harbour of {harbour}\n\n{filler * 6}\n\n## Fees\n\n"
        f"The mooring fee in {harbour} is {number} pounds a night. It is paid to the harbour master.\n\n"
        f"## Staff\n\n{filler * 4}\n\nThe harbour master is Captain {harbour[:3]}."
    )


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory, registry: Registry) -> Library:
    folder = tmp_path_factory.mktemp("harbours")
    (folder / "files").mkdir()
    for number, harbour in enumerate(HARBOURS):
        (folder / "files" / f"{harbour}.md").write_text(report(harbour, 10 + number))
    library = Library.open(folder / "library", registry, embedding_model="hash")
    library.add(folder / "files", metadata=lambda name: {"year": 2020 + HARBOURS.index(name.removesuffix(".md")) % 3})
    return library


@pytest.fixture
def other(tmp_path: Path, registry: Registry) -> Callable[..., Library]:
    def made(**texts: str) -> Library:
        for name, text in texts.items():
            (tmp_path / f"{name}.txt").write_text(text)
        library = Library.open(tmp_path / "library", registry, embedding_model="hash")
        library.add(*(tmp_path / f"{name}.txt" for name in texts))
        return library

    return made


def test_the_answer_cites_the_right_document_with_its_section_and_version(library: Library) -> None:
    answer = library.ask("What is the mooring fee in Averil?")
    assert "The mooring fee in Averil is 13 pounds a night." in answer.text
    first = answer.to_dict()["citations"][0]
    assert (first["source"], first["version"], first["section"]) == ("Averil.md", 1, "Fees")
    entry = next(it for it in library.list() if it.name == "Averil.md")
    text = library.stores.document(entry).text
    assert all(text[it.start : it.end] == it.quote for it in answer.citations if it.source == "Averil.md")
    best = answer.considered[0]
    assert (best.name, best.searched, best.cited) == ("Averil.md", True, True)
    assert best.places["chunks by words"] == best.places["sections by words"] == 1


def test_only_documents_that_fit_the_filter_are_used(library: Library, tmp_path: Path) -> None:
    answer = library.ask("What is the mooring fee in Averil?", where={"year": 2021})
    assert {it.name for it in answer.considered} <= {"Inshay.md", "Tarvay.md"}
    assert "Averil is 13" not in answer.text
    with pytest.raises(InputError, match="no document has this field"):
        library.ask("What is the fee?", where={"colour": "red"})
    nothing = library.ask("What is the mooring fee in Averil?", where=["year<2021", "tokens<1"])
    assert (nothing.answer.faults, nothing.citations, nothing.considered) == (("no_evidence",), (), [])
    assert any("no document that fits the filter" in it for it in nothing.answer.notices)
    assert not any("no document that fits" in it for it in answer.answer.notices)
    empty = Library.open(tmp_path / "empty", library.registry, embedding_model="hash").ask("What is the fee?")
    assert any("has no documents yet" in it for it in empty.answer.notices)
    with pytest.raises(InputError, match="question: is empty"):
        library.ask("  ")


@pytest.mark.parametrize(
    "question",
    ["Compare the mooring fees in Thorle, Inshay and Sandholm.", "Which of the harbours has the lowest fee?"],
)
def test_a_comparison_gets_evidence_from_each_document(library: Library, question: str) -> None:
    answer = library.ask(question, options=RunOptions(evidence_tokens=600))
    searched = [it.name for it in answer.considered if it.searched]
    assert len(searched) >= 3
    assert {it.source for it in answer.evidence} == set(searched)
    if "Thorle" in question:
        assert {"Thorle.md", "Inshay.md", "Sandholm.md"} <= set(searched)
        fees = " ".join(it.text for it in answer.evidence)
        assert all(f"fee in {name} is" in fees for name in ("Thorle", "Inshay", "Sandholm"))


def test_what_goes_on_from_year_to_year_is_told_by_the_report_of_each(other: Callable[..., Library]) -> None:
    reports = {
        f"report_{year}": f"The weather was mild. Net debt at the end was {year - 2000} pounds. Boats were painted red."
        for year in range(2001, 2013)
    }
    others = {f"minutes_{number}": f"Net debt was told to be {number} pounds in the end." for number in range(8)}
    library = other(**reports, **others)
    asked = "Describe how net debt was at the end from 2002 to 2011."
    answer = library.ask(asked)
    assert answer.text == "\n\n".join(
        f"({year}) Net debt at the end was {year - 2000} pounds. [{number}]"
        for number, year in enumerate(range(2002, 2012), start=1)
    )
    best = {it.name for it in answer.considered[:DOCUMENTS]}
    series = {f"report_{it}.txt" for it in range(2002, 2012)}
    assert {it.name for it in answer.considered if it.searched} == best | series
    assert not series <= best
    few = library.ask("Describe how net debt was at the end from 2002 to 2003.")
    assert "(2002)" not in few.text
    assert sum(it.searched for it in few.considered) == DOCUMENTS


def test_files_that_only_happen_to_be_named_by_years_are_no_series(other: Callable[..., Library]) -> None:
    told = "\n\n".join(f"Report for the year {it}\n\nNet debt at the end was {it} pounds." for it in range(2001, 2005))
    no = "It rained on the roof of the hall in the debt of the night, and the crews of the boats mended their nets."
    ships = {f"ship_{name}": f"Net debt of the {name} at the end was {name} pounds." for name in "abcdefgh"}
    library = other(letters=told, minutes_2019=no, photos_2020=no, menu_2021=no, **ships)
    answer = library.ask("Describe how net debt was at the end over the years.")
    named = [it.searched for it in answer.considered if "_20" in it.name]
    assert len(named) >= FEWEST_YEARS
    assert not any(named)


def test_one_long_document_does_not_fill_the_evidence(other: Callable[..., Library]) -> None:
    long = "\n\n".join(f"The ferry of day {day} carried {day * 7} crates of fish to the market." for day in range(200))
    library = other(long=long, short="The ferry carried the mayor to the market once, and no fish.")
    answer = library.ask("What did the ferry carry to the market?", options=RunOptions(evidence_tokens=400))
    assert {it.source for it in answer.evidence} == {"long.txt", "short.txt"}


def test_versions_of_a_time_are_asked(other: Callable[..., Library], tmp_path: Path) -> None:
    library = other(rules="The speed limit in the harbour is five knots. " * 3)
    before = library.list()[0].added
    (tmp_path / "new.txt").write_text("The speed limit in the harbour is three knots. " * 3)
    library.replace("rules.txt", tmp_path / "new.txt")
    question = "What is the speed limit in the harbour?"
    now, then = library.ask(question), library.ask(question, as_of=before)
    assert ("three knots" in now.text, now.to_dict()["citations"][0]["version"]) == (True, 2)
    assert ("five knots" in then.text, then.to_dict()["citations"][0]["version"]) == (True, 1)
    assert "five" not in str(now.to_dict())


def test_documents_in_several_languages_are_found_by_their_own_stems(other: Callable[..., Library]) -> None:
    library = other(
        english="The committees were discussing the new lighthouses. " * 4,
        german="Die Häuser am Hafen wurden verkauft, und die Fischerinnen zogen in die Berge. " * 4,
    )
    assert [it.language for it in library.list()] == ["en", "de"]
    assert library.ask("Wer kaufte das Haus am Hafen?").considered[0].name == "german.txt"
    assert library.ask("Which committee discusses a lighthouse?").considered[0].name == "english.txt"


def test_no_answer_comes_from_a_removed_document(
    other: Callable[..., Library], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also not while it is removed: the question is searched again."""
    from memorag_graph.library import ask

    library = other(secret="The vault opens with the number 4711.", public="The vault is in the cellar. " * 3)
    question = "With which number does the vault open?"
    assert "4711" in library.ask(question).text
    found = ask.search_chosen
    calls: list[int] = []

    def removing(*given: Any) -> Any:
        passages = found(*given)
        calls.append(len(passages.evidence))
        if len(calls) == 1:
            library.remove("secret.txt")
        return passages

    monkeypatch.setattr(ask, "search_chosen", removing)
    answer = library.ask(question)
    assert len(calls) == 2
    assert "4711" not in str(answer.to_dict())
    assert "secret" not in str(answer.to_dict())


def test_questions_are_answered_while_documents_are_added_and_removed(
    other: Callable[..., Library], tmp_path: Path
) -> None:
    library = other(a="The vault is in the cellar of the house. ", b="The garden has a gate.", c="The roof is red.")

    def change() -> None:
        for _ in range(3):
            library.remove("b.txt")
            library.add(tmp_path / "b.txt")

    answers = []
    with ThreadPoolExecutor() as pool:
        changes = pool.submit(change)
        while not changes.done():
            answers.append(library.ask("Where is the vault?").text)
        changes.result()
    assert answers
    assert all("The vault is in the cellar" in it for it in answers)


def test_a_chat_model_may_write_the_answer(library: Library, registry: Registry) -> None:
    from langchain_core.language_models import FakeListChatModel

    registry.add_chat_model("mine", FakeListChatModel(responses=["The fee is 13 pounds [1]."]))
    answer = library.ask("What is the mooring fee in Averil?", options=RunOptions(generator="mine"))
    assert answer.text == "The fee is 13 pounds [1]."


@pytest.mark.parametrize(
    "question",
    [
        "Compare the fees of both ports.", "What is the difference between A and B?", "Which of the reports is newer?",
        "Vergleiche die Gebühren.", "Quelle est la différence entre A et B ?", "A和B的区别是什么？",
    ],
)  # fmt: skip
def test_comparisons_are_known(question: str) -> None:
    assert compares(question)


@pytest.mark.parametrize("question", ["What is the fee?", "Who wrote the report of 2021?", "Where do both stand?"])
def test_other_questions_are_no_comparisons(question: str) -> None:
    assert not compares(question)
