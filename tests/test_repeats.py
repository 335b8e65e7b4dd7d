"""Passages are repeats only if nothing differs that could matter; those that contradict each other are both shown."""

import json
import re
from pathlib import Path

import pytest

from memorag_graph.documents import read_document
from memorag_graph.generation.answer import Citation
from memorag_graph.generation.conflicts import conflicts
from memorag_graph.generation.same_subject import Standing
from memorag_graph.graph import build_graph
from memorag_graph.registry import Registry
from memorag_graph.retrieval.selection import Selection
from memorag_graph.settings import RunOptions
from memorag_graph.text.chunking import Chunk
from memorag_graph.text.list_questions import asks_for_list
from memorag_graph.text.repeats import is_repeat, wording

FIELD = Path(__file__).parent / "field"
LEAVE = "Employees may carry unused leave over into the next year, provided the manager agrees."


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (LEAVE, LEAVE.replace("may carry", "may not carry")),
        ("It is on.", "It is off."),
        ("The daily allowance is 38 euros.", "The daily allowance is 52 euros."),
        ("The dose is 3.5 mg.", "The dose is 35 mg."),
        ("The dose is 5 mg.", "The dose is 5 µg."),
        ("The plant makes 5 MW.", "The plant makes 5 mW."),
        ("It was -5 degrees.", "It was 5 degrees."),
        ("It costs €5.", "It costs $5."),
        ("A share of 5 % remains.", "A share of 5 remains."),
        ("Signed on 3/4/2021.", "Signed on 4/3/2021."),
        ("Quill saw Petrie.", "Petrie saw Quill."),
        ("Only x < 3 is allowed.", "Only x > 3 is allowed."),
        ("ปี 2563 เรือหยุด", "ปี 2563 เรือไม่หยุด"),
        ("公司没有裁员。", "公司有裁员。"),
        ("Der Vertrag gilt.", "Der Vertrag gilt nicht."),
        ("The dose is .5 mg.", "The dose is 5 mg."),
        ("It is written in C#.", "It is written in C."),
        ("Is it open?", "Is it open."),
        ("A gap of 5' remains.", 'A gap of 5" remains.'),
        ("Write a|b here.", "Write a. b here."),
        ("Вход разрешён.", "Вход не разрешён."),
        ("可以停车。", "不可以停车。"),
        ("ราคา ๕ บาท", "ราคา ๖ บาท"),
        ("المتجر مفتوح.", "المتجر غير مفتوح."),
        ("दुकान खुली है।", "दुकान खुली नहीं है।"),
    ],
)
def test_texts_that_differ_in_what_could_matter_are_no_repeats(first: str, second: str) -> None:
    for around in ("{}", "Before. {} After.", "# Title\n\n{}"):
        assert not is_repeat(wording(first), [wording(around.format(second))])
        assert not is_repeat(wording(second), [wording(around.format(first))])


@pytest.mark.parametrize(
    "other",
    [f"  {LEAVE}\n", LEAVE.replace(" ", "\n"), f"## Leave\n\n{LEAVE} More.", LEAVE.replace(",", ";"), f"“{LEAVE}”"],
)
def test_spaces_punctuation_and_what_surrounds_a_text_do_not_matter(other: str) -> None:
    assert is_repeat(wording(LEAVE), [wording(other)])


def pieces(*texts: str) -> list[Chunk]:
    return [Chunk(f"{number}.txt", number, 0, len(text), text) for number, text in enumerate(texts)]


def count(text: str) -> int:
    return len(text.split())


def test_repeats_are_passed_over_only_while_the_budget_is_short() -> None:
    chunks = pieces(LEAVE, LEAVE, LEAVE.replace("may", "may not"), "The ferry sailed.", LEAVE)
    for budget, expected in ((1000, {0, 1, 2, 3, 4}), (46, {0, 1, 2, 3}), (32, {0, 2, 3})):
        selection = Selection(chunks, budget, count, "en")
        selection.take(range(5))
        selection.fill()
        assert {number for number, text in selection.texts.items() if text == chunks[number].text} == expected, budget


def cite(*quotes: str) -> list[Citation]:
    return [Citation(number, f"{number}.md", 0, len(quote), quote) for number, quote in enumerate(quotes, start=1)]


@pytest.mark.parametrize(
    ("first", "second", "question"),
    [
        (LEAVE, LEAVE.replace("may carry", "may not carry"), "May leave be carried over?"),
        ("The daily allowance for meals is 38 euros.", "The daily allowance for meals is 52 euros.", "Allowance?"),
        ("The fee is 38 euros.", "The fee is 52 euros.", "What is the fee?"),
        ("Der Vertrag gilt auch für alle Boote.", "Der Vertrag gilt auch für keine Boote.", "Gilt der Vertrag?"),
        ("The lease runs for five years.", "The lease runs for six years.", "How long does the lease run?"),
        ("Der Vorstand besteht aus drei Personen.", "Der Vorstand besteht aus fünf Personen.", "Wie viele Personen?"),
        ("The route is 12 km long.", "The route is 12 miles long.", "How long is the route?"),
        ("The notice period is 6 weeks.", "The notice period is 6 months.", "What is the notice period?"),
        ("The fee is due in May.", "The fee is due in June.", "When is the fee due?"),
        ("The club meets on Monday.", "The club meets on Friday.", "When does the club meet?"),
        ("The treasurer is Ms Petra Lund.", "The treasurer is Ms Petra Lind.", "Who is the treasurer?"),
        ("Dogs are allowed in the yard.", "Dogs are forbidden in the yard.", "Are dogs allowed?"),
        ("The pool is open.", "The pool is closed.", "Is the pool open?"),
        ("Visitors must wear a badge.", "Visitors need not wear a badge.", "Must visitors wear a badge?"),
        ("Passwords expire every 90 days.", "Passwords never expire.", "Do passwords expire?"),
        ("Das Tor ist sonntags geöffnet.", "Das Tor ist sonntags geschlossen.", "Ist das Tor sonntags geöffnet?"),
        ("员工可以带狗。", "员工不可以带狗。", "员工可以带狗吗？"),
        ("Visitors are admitted after dark.", "No visitors are admitted after dark.", "Are visitors admitted?"),
        ("Feed the ducks in the park.", "Do not feed the ducks in the park.", "May one feed the ducks?"),
        ("Se admiten perros en la terraza.", "No se admiten perros en la terraza.", "¿Se admiten perros?"),
        ("È permesso nuotare nel lago.", "Non è permesso nuotare nel lago.", "È permesso nuotare?"),
        ("É permitido pescar no lago.", "Não é permitido pescar no lago.", "É permitido pescar?"),
        ("Il est permis de pêcher ici.", "Il n'est pas permis de pêcher ici.", "Est-il permis de pêcher ?"),
        ("Müze pazar günleri açıktır.", "Müze pazar günleri açık değildir.", "Müze açık mı?"),
        ("Eski bahçeye bisikletle girilir.", "Eski bahçeye bisikletle girilmez.", "Bahçeye girilir mi?"),
        ("दुकान रविवार को खुली रहती है।", "दुकान रविवार को खुली नहीं रहती है।", "दुकान कब खुली रहती है?"),
        ("Khách được mang chó vào vườn.", "Khách không được mang chó vào vườn.", "Được mang chó không?"),
        ("يجوز للزوار التصوير في القاعة.", "لا يجوز للزوار التصوير في القاعة.", "هل يجوز التصوير؟"),
        ("Hunder er tillatt på stranden.", "Hunder er ikke tillatt på stranden.", "Er hunder tillatt?"),
        ("Basen jest czynny w niedziele.", "Basen nie jest czynny w niedziele.", "Czy basen jest czynny?"),
        ("Rent: 1,450 euros", "Rent: 1,540 euros", "What is the rent?"),
        ("Hemp rope | 3.75", "Hemp rope | 4.10", "What does hemp rope cost?"),
    ],
)
def test_sentences_that_differ_in_one_place_contradict_each_other(first: str, second: str, question: str) -> None:
    one, other = cite(first, second)
    (found,) = conflicts([one], [one, other], question)
    assert (found.stated, found.other) == (one, other)
    assert conflicts([one, other], [one, other], question) == [found]  # told once


@pytest.mark.parametrize(
    ("first", "second", "question"),
    [
        (LEAVE, LEAVE, "Leave?"),
        (
            "Arden has its works in Hull since 1980.",
            "Brook has its works in Derby since 1981.",
            "Which works are in Hull?",
        ),
        ("Arden has supplied us with bags for years.", "Brook has supplied us with bags for years.", "Who supplies?"),
        (
            "The daily allowance in 2021 was 38 euros.",
            "The daily allowance in 2024 was 38 euros.",
            "Allowance in 2024?",
        ),
        ("Captain Quill was proud of Thorle Harbour.", "Captain Quill was proud of Averil Harbour.", "Proud of what?"),
        ("It costs five.", "It costs six.", "What does it cost?"),
        ("The allowance in 2021 was 38 euros.", "The allowance in 2024 was 52 euros.", "What was the allowance?"),
        ("Gate 3 is open at night.", "Gate 4 is open at night.", "Is the gate open?"),
        ("The north pier is 40 m long.", "The south pier is 60 m long.", "How long is the pier?"),
        ("Hemp rope | 3.75", "Flax rope | 4.10", "What does rope cost?"),
        ("Frau Bauer arbeitet in Bonn.", "Frau Busch arbeitet in Bonn.", "Wer arbeitet in Bonn?"),
        ("Los perros entran en la terraza.", "Los gatos no entran en la terraza.", "¿Quién entra en la terraza?"),
        ("The guests eat in the hall.", "The servants do not eat in the hall.", "Who eats in the hall?"),
        ("No, the cats sleep in the barn.", "The cats sleep in the barn.", "Who sleeps in the barn?"),
        ("She was built in Cadiz in 1985.", "She was built in Cadiz in 1974.", "Which ships were built in Cadiz?"),
    ],
)
def test_other_sentences_do_not(first: str, second: str, question: str) -> None:
    one, other = cite(first, second)
    assert conflicts([one], [one, other], question) == []


KEPT = ("Backups are kept for 30 days.", "Backups are kept for 45 days.", "How long are backups kept?")
BLUE = ("The folder for bills is blue.", "The folder for bills is green.", "What colour is the folder?")


@pytest.mark.parametrize(
    ("said", "names", "headings", "are_about_the_same"),
    [
        (KEPT, ("policy_v1.txt", "policy_v2.txt"), ("", ""), True),
        (KEPT, ("policy_2021.txt", "policy_2024.txt"), ("Policy 2021", "Policy 2024"), True),
        (KEPT, ("policy.txt", "faq.txt"), ("2. Backups", "4. Backups"), True),
        (KEPT, ("minutes_march.md", "minutes_april.md"), ("", ""), True),
        (KEPT, ("same.md", "same.md"), ("Backups", "Backups"), True),
        (KEPT, ("same.md", "same.md"), ("Site A", "Site B"), False),
        (KEPT, ("policy_v1.txt", "policy_v2.txt"), ("Article 7", "Article 8"), False),
        (KEPT, ("policy_v1.txt", "policy_v2.txt"), ("Laptops", "Servers"), False),
        (KEPT, ("Hotel Seeblick.txt", "Hotel Waldhof.txt"), ("", ""), False),
        ((*KEPT[:2], "How long are backups kept by policy v2?"), ("policy_v1.txt", "policy_v2.txt"), ("", ""), False),
        (BLUE, ("handbook_old.md", "handbook_new.md"), ("", ""), True),
        (BLUE, ("same.md", "same.md"), ("", ""), False),
    ],
)
def test_names_and_headings_tell_whether_sentences_are_about_the_same(
    said, names, headings, are_about_the_same
) -> None:
    one, other = (Citation(number, names[number], 0, 1, said[number]) for number in (0, 1))
    standing = {
        it: Standing(heading, number, it.quote)
        for number, (it, heading) in enumerate(zip((one, other), headings, strict=True))
    }
    assert bool(conflicts([one], [one, other], said[2], standing)) == are_about_the_same


def test_of_similar_sentences_only_the_closest_of_the_other_document_contradicts() -> None:
    old = ["A ticket for 3 days costs 20 euros.", "A ticket for 7 days costs 40 euros."]
    new = ["A ticket for 3 days costs 22 euros.", "A ticket for 7 days costs 44 euros."]
    first, *others = [Citation(1, f"prices_{year}.md", 0, 1, it) for year, said in ((1, old), (2, new)) for it in said]
    assert [it.other.quote for it in conflicts([first], [first, *others], "What is a ticket?")] == [new[0]]


def test_of_entries_of_one_document_none_contradicts_another() -> None:
    first, second = (Citation(1, "a.md", at, at + 1, f"Complaints are answered within {at} days.") for at in (3, 5))
    openings = ("Arden Limited has its works in Hull.", "Brook Limited has its works in Derby.")
    standing = {it: Standing("", number, openings[number]) for number, it in enumerate((first, second))}
    assert conflicts([first], [first, second], "How soon are complaints answered?", standing) == []


@pytest.fixture(scope="module")
def graph():
    """A graph that loads the models once."""
    return build_graph(Registry())


@pytest.fixture
def ask(graph, embedded_home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("MEMORAG_GRAPH_HOME", str(embedded_home))

    def run(question: str, *names: str) -> dict:
        files = [str(FIELD / name) for name in names]
        given = {"files": files, "query": question, "task_type": "lookup", "save_dir": str(tmp_path / "m")}
        return graph.invoke(given, context=RunOptions(generator="extractive", memory="never"))  # type: ignore[call-overload]

    return run


VERSIONS = ("versions/handbook_2021.md", "versions/handbook_2024.md")


@pytest.mark.embedded
@pytest.mark.parametrize(
    ("question", "both"),
    [
        ("May unused annual leave be carried over?", ("may carry", "may not carry")),
        ("What is the daily allowance for meals?", ("38 euros", "52 euros")),
    ],
)
def test_of_two_versions_both_are_quoted_and_the_contradiction_is_told(ask, question, both) -> None:
    result = ask(question, *VERSIONS)
    quotes = " ".join(citation["quote"] for citation in result["citations"])
    assert all(words in quotes for words in both)
    assert "conflicting_passages" in result["faults"]
    assert {conflict[side]["source"][-15:] for conflict in result["conflicts"] for side in ("stated", "other")} == {
        "andbook_2021.md",
        "andbook_2024.md",
    }
    assert any("nearly the same, but not the same" in notice for notice in result["notices"])


@pytest.mark.embedded
def test_a_list_gets_evidence_from_every_place(ask) -> None:
    names = json.loads((FIELD / "suppliers_leeds.json").read_text())
    result = ask("Which suppliers have their works in Leeds?", "suppliers.txt")
    evidence = " ".join(document.page_content for document in result["evidence"])
    assert [name for name in names if f"{name} Limited has its works in Leeds" not in evidence] == []
    quotes = " ".join(citation["quote"] for citation in result["citations"])
    assert sorted(re.findall(r"(\w+) Limited has its works", quotes)) == names
    assert set(re.findall(r"works in (\w+)", quotes)) == {"Leeds"}
    assert "list_may_be_incomplete" in result["faults"]


@pytest.mark.parametrize(
    "question",
    [
        "Which suppliers have their works in Leeds?",
        "Which of the ships were sold?",
        "List all ports.",
        "Name every captain of the Garrow Queen.",
        "How many suppliers are in Hull?",
        "What are the exceptions?",
        "Welche Lieferanten haben ihr Werk in Leeds?",
        "Wie viele Schiffe wurden verkauft?",
        "Quels fournisseurs sont à Leeds ?",
        "哪些供应商在利兹？",
    ],
)
def test_questions_for_lists(question: str) -> None:
    assert asks_for_list(question)


@pytest.mark.parametrize(
    "question",
    [
        "Which supplier has its works in Hull?",
        "Who rebuilt the lighthouse?",
        "What is its name?",
        "When was the list published?",
        "Which is this?",
        "Welches Schiff wurde verkauft?",
        "谁修了灯塔？",
    ],
)
def test_questions_for_one_thing(question: str) -> None:
    assert not asks_for_list(question)


def test_the_files_of_this_test_are_readable() -> None:
    assert all(read_document(FIELD / name).text for name in (*VERSIONS, "suppliers.txt"))
