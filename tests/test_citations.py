"""Answers of a chat model are checked: each mark, each sentence, the language; and shown with the findings."""

import random
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from memorag_graph.cli.render import show_answer
from memorag_graph.documents import NO_PAGES, PageMap
from memorag_graph.generation.citation_check import check
from memorag_graph.generation.notices import judge
from memorag_graph.generation.support import supports
from memorag_graph.prompts import Prompts
from memorag_graph.retrieval.retrieve import Evidence
from memorag_graph.serialization import from_answer, to_document, to_evidence
from memorag_graph.text.languages import language
from tests.conftest import TEXT
from tests.test_generation import CHUNKS, EVIDENCE, assert_cited, sentences_of, written

REFUSAL = "The passages found do not contain the answer."


def never(first: str, second: str) -> float:
    return 0.0


@pytest.mark.parametrize("seed", range(60))
def test_every_citation_stands_in_the_document_and_every_false_one_is_found(seed: int) -> None:
    picked = random.Random(seed)
    chunks = sorted(picked.sample(CHUNKS, picked.randint(1, 5)), key=lambda chunk: chunk.start)
    evidence = [Evidence(it.source, it.start, it.end, it.text, 1.0) for it in chunks]
    said: list[tuple[str, int, str]] = []
    for _ in range(picked.randint(1, 6)):
        number = picked.randint(1, len(evidence))
        sentence = picked.choice(list(sentences_of(evidence[number - 1 : number])))
        said.append((sentence, number, picked.choice(["right", "wrong", "missing", "none"])))
    marks = {"right": 0, "wrong": 0, "missing": 0, "none": 0}
    parts, unsupported = [], 0
    for sentence, number, kind in said:
        wrong = [it for it, passage in enumerate(evidence, start=1) if sentence.rstrip(".") not in passage.text]
        kind = "none" if kind == "wrong" and not wrong else kind
        marks[kind] += 1
        unsupported += kind != "right"
        mark = {"right": f"[{number}]", "wrong": f"[{wrong[0] if wrong else 0}]", "missing": "[77]", "none": ""}[kind]
        parts.append(f"{sentence} {mark}" if picked.random() < 0.5 else f"{sentence.rstrip('.')} {mark}.")
    text = picked.choice([" ", "\n", "\n- "]).join(parts)
    checked = check(text, evidence, "en", never)
    for citation in checked.citations:
        assert TEXT[citation.start : citation.end] == citation.quote
        passage = evidence[citation.number - 1]
        assert passage.start <= citation.start < citation.end <= passage.end
    assert checked.missing == ((77,) if marks["missing"] else ())
    assert len(checked.unsupported) == unsupported
    assert all(text[it.start : it.end] == it.text for it in checked.unsupported)
    assert any(not citation.supported for citation in checked.citations) == bool(marks["wrong"])
    assert any(citation.supported for citation in checked.citations) == bool(marks["right"])


@pytest.mark.parametrize("change", [("1992", "1995"), ("Kemp", "Quill"), ("Brannay", "Inshay")])
def test_a_planted_false_citation_is_caught(change: tuple[str, str]) -> None:
    passage = next(chunk for chunk in CHUNKS if "1992" in chunk.text and "Kemp" in chunk.text)
    evidence = [Evidence(passage.source, passage.start, passage.end, passage.text, 1.0)]
    pair = f"In the year 1992 {passage.text.split('In the year 1992 ')[1].split('In the year')[0].strip()}"
    true, second = (part.strip() for part in pair.replace(". ", ".|").split("|"))
    false = next(sentence.replace(*change) for sentence in (true, second) if change[0] in sentence)
    answer = written(f"{true} [1] {false} [1]", evidence=evidence)
    assert [citation.supported for citation in answer.citations].count(False) == 1
    assert answer.faults == ("false_citation", "unsupported_statement")
    assert answer.notices[0] == "The answer cites passages that do not support its claims: 1."
    assert [it.text for it in answer.unsupported] == [false]
    assert answer.confidence <= 0.5


def test_a_paraphrased_statement_is_supported_by_its_meaning() -> None:
    passage = "Sales of the boats brought in a good sum."
    assert supports(passage, "Vessel proceeds were high", "en", lambda: 0.8)
    assert not supports(passage, "Vessel proceeds were high", "en", lambda: 0.7)
    assert not supports(passage, "Vessel proceeds were high in 1990", "en", lambda: 0.99)
    assert not supports(passage, "The sales of the boats by Kemp brought in a good sum", "en", lambda: 0.99)


def test_nouns_of_german_are_no_names() -> None:
    assert supports("Die Fähre fuhr am Morgen nach Thorle.", "Nach Thorle fuhr die Fähre am Vormittag", "de", lambda: 0)


def test_sentences_without_support_are_located() -> None:
    true = next(iter(sentences_of(EVIDENCE[:1])))
    answer = written(f"{true} [1] Nobody else was asked about any of it.\nYes. {true} [1]")
    assert [it.text for it in answer.unsupported] == ["Nobody else was asked about any of it."]
    assert answer.faults == ("unsupported_statement",)
    assert answer.notices == ("No cited passage supports 1 of the answer's 3 sentences.",)


def test_an_answer_of_one_sentence_without_support_is_called_so() -> None:
    answer = written("Nobody else was asked about any of it [1].")
    assert "No cited passage supports the answer's only sentence." in answer.notices


def test_chinese_marks_and_statements_are_checked() -> None:
    passages = ["二〇二〇年三月，渡轮航线停航四十天。公司没有裁减船员。", "总经理陈美华决定向银行借款四千万元。"]
    evidence, at = [], 0
    for passage in passages:
        evidence.append(Evidence("a", at, at + len(passage), passage, 1.0))
        at += len(passage)
    checked = check(
        "公司没有裁减船员【1】。总经理陈美华决定向银行借款【1】。渡轮停航四十天。[1]", evidence, "zh", never
    )
    assert [(it.number, it.supported) for it in checked.citations] == [(1, True), (1, False), (1, True)]
    assert [it.text for it in checked.unsupported] == ["总经理陈美华决定向银行借款【1】。"]


def test_a_blank_passage_supports_nothing() -> None:
    checked = check("The ferry sailed to Inshay in May. [1]", [Evidence("a", 3, 5, " \n", 1.0)], "en", never)
    assert [(it.start, it.end, it.supported) for it in checked.citations] == [(3, 5, False)]
    assert len(checked.unsupported) == 1


def test_figures_of_a_chinese_statement_must_stand_in_its_passage() -> None:
    passage = "公司的收入在2020年增长到1204万元。"
    assert supports(passage, "收入在2020年增长到1204万元", "zh", lambda: 0.0)
    assert not supports(passage, "收入在2021年增长到1204万元", "zh", lambda: 1.0)


def test_an_answer_in_another_language_is_named() -> None:
    german = (
        "Die Fähre hat in diesem Jahr sehr viele Menschen und Lastwagen befördert, und der Kapitän war stolz auf den "
        "Hafen, den er jeden Morgen verließ und in den er am Abend wieder zurückkehrte."
    )
    answer = written(german)
    assert answer.faults == ("cites_nothing", "wrong_language")
    assert answer.notices[1] == "The answer is in German, not in English."
    assert "wrong_language" not in written(" ".join(german.split()[:15])).faults


def test_codes_of_one_language_are_one_language(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("memorag_graph.generation.notices.detect_language", lambda text: language("nb"))
    checked = check("", [], "no", never)
    text = "ferge " * 30
    assert "wrong_language" not in judge(checked, text, language("no")).faults
    assert "wrong_language" in judge(checked, text, language("sv")).faults


@pytest.mark.parametrize("text", [REFUSAL, f"**{REFUSAL.upper()}**", f"I am sorry. {REFUSAL} It is about ferries."])
def test_a_chat_model_may_say_that_the_document_does_not_contain_it(text: str) -> None:
    answer = written(text)
    assert answer.abstained
    assert (answer.confidence, answer.faults, answer.notices, answer.unsupported) == (0.0, (), (), ())


def test_every_language_asks_for_the_words_that_are_recognized() -> None:
    for code in ("en", "zh", "de"):
        prompts = Prompts(language(code))
        assert prompts.not_contained in prompts["qa_gen"]
        assert prompts.is_refusal(prompts["qa_gen"])
        assert not prompts.is_refusal("Ferries sail.")
        assert prompts.refusal("“Ferries sail.”").endswith("“Ferries sail.”")


def test_the_reader_sees_what_has_no_support(capsys: pytest.CaptureFixture[str]) -> None:
    first, second = (next(iter(sentences_of([passage]))) for passage in EVIDENCE[:2])
    answer = written(f"{first} [1] {second} [1]")
    result = {**from_answer(answer), "basis": "evidence", "timings": {}}
    show_answer(Console(width=400), result, clues=False)
    shown = capsys.readouterr().out
    assert f"Unsupported: {second}" in shown
    assert shown.count("(does not support the claim)") == 1
    assert f"Confidence: {answer.confidence:.2f}" in shown


def test_pages_and_clues_travel_with_the_evidence(tmp_path: Path) -> None:
    known = PageMap(pages=((0, 6), (EVIDENCE[0].start, 7)), sections=((0, "Fares"),))

    class Opened:
        class index:  # noqa: N801
            chunks = CHUNKS

        page_maps = {EVIDENCE[0].source: known}  # noqa: RUF012

    class Unpaged(Opened):
        page_maps = {EVIDENCE[0].source: NO_PAGES}  # noqa: RUF012

    first = EVIDENCE[0]
    found = Evidence(first.source, first.start, first.end, first.text, 1.0, page_map=known)
    document = to_document(1, found)
    assert (document.metadata["page"], document.metadata["section"]) == (7, "Fares")
    assert replace(to_evidence(document, Opened()), paragraph=None) == found  # type: ignore[arg-type]
    assert "page" not in to_document(1, EVIDENCE[0]).metadata
    unpaged = to_evidence(to_document(1, EVIDENCE[0]), Unpaged())  # type: ignore[arg-type]
    assert replace(unpaged, paragraph=None) == EVIDENCE[0]
    answer = written(f"{next(iter(sentences_of([found])))} [1]", evidence=[found])
    assert [(citation.page, citation.section) for citation in answer.citations] == [(7, "Fares")]
    assert_cited(answer.citations)
