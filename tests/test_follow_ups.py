"""A question that depends on the conversation is rewritten to stand alone; one that stands alone is untouched."""

from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langgraph.checkpoint.memory import InMemorySaver

from memorag_graph.errors import InputError
from memorag_graph.follow_ups.conversation_turns import conversation, exchanges
from memorag_graph.follow_ups.exchange import Exchange
from memorag_graph.follow_ups.rewrite import rewritten
from memorag_graph.graph import build_graph
from memorag_graph.langchain.chain import memorag_chain
from memorag_graph.registry import Registry
from tests.conftest import TEXT, TINY
from tests.test_generation import Broken, Prompted

PAIRS = [
    ("What was the revenue in 2020?", "4.1 million.", "And in the year after?", "What was the revenue in 2021?"),
    ("What was the revenue in 2020?", "4.1 million.", "And in 2022?", "What was the revenue in 2022?"),
    ("What was the revenue in 2020?", "4.1 million.", "And the profit?", "What was the profit in 2020?"),
    ("How large was the crew?", "It was 12 in 1920.", "And the year before?", "How large was the crew in 1919?"),
    ("What happened in 1911?", "It closed.", "What happened in the following year?", "What happened in 1912?"),
    ("Who has works in Leeds?", "Alba.", "What about York?", "Who has works in York?"),
    ("What were the sales in Germany in 2021?", "3.2", "and in France?", "What were the sales in France in 2021?"),
    ("Who rebuilt the mole?", "Captain Petrie did.", "When was he born?", "When was Captain Petrie born?"),
    ("Who is the tenant?", "Anna Berg is.", "What is her address?", "What is Anna Berg's address?"),
    ("What is Dr. Okafor's number?", "0151 440", "And her email?", "What is Dr. Okafor's email?"),
    ("Who is the pilot?", "Boats of 60 m take a pilot. The pilot is Anna Keller.", "And her channel?",
     "What is Anna Keller's channel?"),
    ("Who is the pilot?", "Boats of 60 m take a pilot.", "And her channel?", "Her channel (Who is the pilot?)"),
    ("Who is the keeper?", "James is the keeper.", "And his number?", "What is James' number?"),
    ("Who wrote the report?", "Dr. Marsh did.", "What else did she write?", "What else did Dr. Marsh write?"),
    ("Who directed it?", "Ida Keller.", "What other films did she direct?", "What other films did Ida Keller direct?"),
    ("Who is Simon Hale?", "A clerk.", "How long has he been in office?", "How long has Simon Hale been in office?"),
    ("What is the notice period?", "Three months.", "Can it be extended?", "Can the notice period be extended?"),
    ("When was the museum founded?", "In 1893.", "Who founded it?", "Who founded the museum?"),
    ("What is the deposit?", "1,700", "When must it be paid back?", "When must the deposit be paid back?"),
    ("When does the lease begin?", "In May.", "And when does it end?", "When does the lease end?"),
    ("What are the fees?", "8 euros.", "Are they refundable?", "Are the fees refundable?"),
    ("What are the hours of the library?", "9 to 5", "Is it open on Sundays?", "Is the library open on Sundays?"),
    ("How many turbines run at Alba?", "Twelve.", "Who maintains them?", "Who maintains the turbines?"),
    ("How many days of leave are there?", "28", "Can they be carried over?", "Can the days of leave be carried over?"),
    ("Who owns the mill?", "Alba Trust does.", "What did they pay for it?", "What did Alba Trust pay for the mill?"),
    ("When was the Battle of Hastings?", "1066", "Who won it?", "Who won the Battle of Hastings?"),
    ("What does Article 7 say?", "No.", "And Article 8?", "What does Article 8 say?"),
    ("What does Article 7 say?", "No.", "And 9?", "What does Article 9 say?"),
    ("What does section 3.2 require?", "No.", "What about 3.3?", "What does section 3.3 require?"),
    ("Which clause covers delay?", "Clause 12.", "What does that clause say?", "What does Clause 12 say?"),
    ("Was the harbour closed in 1911?", "Yes.", "Why?", "Why was the harbour closed in 1911?"),
    ("What is the rent of flat 3?", "850", "And of flat 4?", "What is the rent of flat 4?"),
    ("What was decided in March?", "No.", "And in April?", "What was decided in April?"),
    ("Who sat in the chair on Monday?", "Ada.", "And on Tuesday?", "Who sat in the chair on Tuesday?"),
    ("Who won in the first quarter?", "Up.", "And in the second quarter?", "Who won in the second quarter?"),
    ("What did it decide about the ferry?", "No.", "And about the pier?", "What did it decide about the pier?"),
    ("Where is Alba?", "In Stirling.", "What is stored there?", "What is stored in Stirling?"),
    ("How many people worked here in 2019?", "8", "How many in 2020?", "How many people worked here in 2020?"),
    ("What does the pump cost?", "90", "And the filter?", "What does the filter cost?"),
    ("What is the top speed of the X200?", "120", "What about its weight?", "What is the X200's weight?"),
    ("Does the policy cover theft?", "Yes.", "And fire?", "Does the policy cover fire?"),
    ("What did Marketing say?", "No.", "And the Designer?", "What did the Designer say?"),
    ("Was ist die Frist?", "Drei Monate.", "Und für den Vermieter?", "Was ist die Frist für den Vermieter?"),
    ("Quel était le total en 2020 ?", "4", "Et en 2021 ?", "Quel était le total en 2021 ?"),
    ("2020年的收入是多少？", "410万", "2021年呢？", "2021年的收入是多少？"),
]  # fmt: skip

ELLIPTICAL = ["And who opened it?", "What about 2021?", "And the year before?", "Why?", "How many were there?"]
REWRITTEN = {
    ("When was the harbour museum founded?", "In 1921."): [
        "Who opened the harbour museum?",
        "What happened to the harbour museum in 2021?",
        "What happened to the harbour museum in 1920?",
        "Why was the harbour museum founded?",
        "How many were there (When was the harbour museum founded?)",
    ],
    ("Where was Harbour Museum of Thorle built?", "In Thorle."): [
        "Who opened Harbour Museum of Thorle?",
        "Where was Harbour Museum of Thorle built in 2021?",
        "The year before (Where was Harbour Museum of Thorle built?)",
        "Why was Harbour Museum of Thorle built?",
        "How many were there (Where was Harbour Museum of Thorle built?)",
    ],
    ("Which boats did the ferry company own in 2020?", "The Alba and the Berta."): [
        "Who opened the ferry company?",
        "Which boats did the ferry company own in 2021?",
        "Which boats did the ferry company own in 2019?",
        "Why (Which boats did the ferry company own in 2020?)",
        "How many boats did the ferry company own in 2020?",
    ],
    ("What is the office of the ferry company?", "A shed."): [
        "Who opened the office of the ferry company?",
        "What is the office of the ferry company in 2021?",
        "The year before (What is the office of the ferry company?)",
        "Why (What is the office of the ferry company?)",
        "How many were there (What is the office of the ferry company?)",
    ],
    ("What did the council decide about the pier?", "In 2001 it kept the pier."): [
        "Who opened the council?",
        "What did the council decide about the pier in 2021?",
        "What did the council decide about the pier in 2000?",
        "Why (What did the council decide about the pier?)",
        "How many were there (What did the council decide about the pier?)",
    ],
    ("Who attended the ceremony in 2020?", "Anna, Ben and Carla."): [
        "Who opened the ceremony?",
        "Who attended the ceremony in 2021?",
        "Who attended the ceremony in 2019?",
        "Why (Who attended the ceremony in 2020?)",
        "How many people attended the ceremony in 2020?",
    ],
    ("When were the turbines repaired?", "In May."): [
        "Who opened the turbines?",
        "What happened to the turbines in 2021?",
        "The year before (When were the turbines repaired?)",
        "Why were the turbines repaired?",
        "How many turbines were there?",
    ],
    ("How many visitors did the museum have in 2020?", "4,100."): [
        "Who opened the museum?",
        "How many visitors did the museum have in 2021?",
        "How many visitors did the museum have in 2019?",
        "Why (How many visitors did the museum have in 2020?)",
        "How many visitors did the museum have in 2020?",
    ],
}  # fmt: skip

ALONE = [
    "What was the profit in 2021?", "Who chairs the committee?", "When does the lease end?",
    "Does the company pay its employees a bonus?", "What did the CEO say about his plans?",
    "Is there a penalty for late payment?", "How long does it take to repair the pump?",
    "What does this contract say about pets?", "If the tank leaks, who repairs it?",
    "Which depot holds the most lorries?", "What is the wifi password?", "How many people work at the depot in Leeds?",
    "List all suppliers.", "Why was the harbour closed?", "What is the address of Anna Lindqvist?",
    "Which of the two turbines ran longer?", "What does Article 8 say?", "Summarize the document.",
    "What is the difference between the first and the second offer?", "Who said that the budget was too small?",
    "What did Anna and her brother inherit?", "Is it possible to end the lease early?",
    "How did the pandemic affect the company?", "What are the other obligations of the tenant?",
    "When did Mr. Hale leave his office?", "Compare the offers of Brown and of Smith.",
    "What does the report say about 2021?", "Who bought the first edition?", "Is smoking allowed?",
    "What did they say about the remote control?", "When the tenant leaves, what must he do?",
    "Under which conditions may the lease be ended?", "For how long is the warranty valid?",
    "What else is included in the rent besides water?", "Did Anna sell her house?", "Whose signature is missing?",
    "How did the relationship between the two brothers develop?", "Are there any restrictions on pets?",
    "Do employees get more leave after five years?", "What would happen if the landlord sold the flat?",
]  # fmt: skip


@pytest.mark.parametrize(("before", "answer", "question", "wanted"), PAIRS)
def test_a_follow_up_is_completed_by_what_the_conversation_names(
    before: str, answer: str, question: str, wanted: str
) -> None:
    code = "zh" if "年" in before else {"Was": "de", "Quel": "fr"}.get(before.split()[0], "en")
    code = "en" if before == "Was the harbour closed in 1911?" else code
    assert rewritten(question, [Exchange(before, answer)], code) == wanted


@pytest.mark.parametrize(("before", "answer"), REWRITTEN)
def test_follow_ups_that_leave_out_most_are_completed_as_a_reader_would(before: str, answer: str) -> None:
    found = [rewritten(it, [Exchange(before, answer)], "en") for it in ELLIPTICAL]
    assert found == REWRITTEN[before, answer]


@pytest.mark.parametrize(
    ("before", "question", "wanted"),
    [
        ("Was the lighthouse repaired in 1911?", "Why not?", "Why was the lighthouse not repaired in 1911?"),
        ("Did the council sell the ferry?", "Why not?", "Why did the council not sell the ferry?"),
        ("Why was the pier closed?", "And when?", "When was the pier closed?"),
        ("How was the pier closed?", "Where?", "Where was the pier closed?"),
        ("Where is the museum?", "Why?", "Why (Where is the museum?)"),
        ("Tell me about the museum.", "What about 2021?", "Tell me about the museum in 2021."),
    ],
)
def test_a_bare_word_asks_of_what_was_said(before: str, question: str, wanted: str) -> None:
    assert rewritten(question, [Exchange(before, "No.")], "en") == wanted


@pytest.mark.parametrize(
    ("before", "answer", "question", "wanted"),
    [
        ("How many vessels called in 2021?", "In 2021 412 vessels called at the quay.", "And who opened it?",
         "Who opened the quay?"),
        ("How many vessels called in 2021?", "412.", "And who opened it?",
         "Who opened it (How many vessels called in 2021?)"),
        ("How many vessels called in 2021?", "The pilot saw 412 at the quay.", "And who opened it?",
         "Who opened it (How many vessels called in 2021?)"),
        ("How many people live in Thorle?", "4,100 people live there.", "Who founded it?", "Who founded Thorle?"),
        ("How many people live in Thorle?", "Twelve.", "Where do they work?", "Where do the people work?"),
        ("How many of the boats sank?", "Three.", "Who built them?", "Who built the boats?"),
        ("When did it open?", "In 2021 412 visitors came.", "And who built it?",
         "Who built it (When did it open?)"),
        ("When did it open?", "Twelve years ago.", "And who built it?", "Who built it (When did it open?)"),
        ("Why was it closed?", "Because of sand.", "And who was he?", "Who was he (Why was it closed?)"),
    ],
)  # fmt: skip
def test_a_pronoun_stands_for_no_number_count_or_word_that_only_begins_a_sentence(
    before: str, answer: str, question: str, wanted: str
) -> None:
    assert rewritten(question, [Exchange(before, answer)], "en") == wanted


@pytest.mark.parametrize(
    ("question", "wanted"),
    [
        ("2021?", "What was the revenue in 2021?"),
        ("2021", "What was the revenue in 2021?"),
        ("Who was elected the following year?", "Who was elected in 2021?"),
        ("How was the following year?", "How was 2021?"),
        ("Was it more than the year before?", "Was the revenue more than 2019?"),
        ("And?", "And (What was the revenue in 2020?)"),
        ("What about?", "What about (What was the revenue in 2020?)"),
        ("How many in total?", "How many in total (What was the revenue in 2020?)"),
    ],
)
def test_a_bare_year_and_less_are_completed(question: str, wanted: str) -> None:
    assert rewritten(question, [Exchange("What was the revenue in 2020?", "4.1 million.")], "en") == wanted


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        (["Who attended the meeting?", "Who else?", "Tell me more.", "Go on."], "Go on (Who attended the meeting?)"),
        (["What was the revenue in 2020?", "And who signed the lease?", "Tell me more."],
         "Tell me more (Who signed the lease?)"),
    ],
)  # fmt: skip
def test_brackets_do_not_grow_with_the_conversation(said: list[str], wanted: str) -> None:
    before = exchanges([HumanMessage(it) for it in said[:-1]], "en")
    assert rewritten(said[-1], before, "en") == wanted


@pytest.mark.parametrize("question", ALONE)
def test_a_question_that_stands_alone_is_untouched(question: str) -> None:
    assert rewritten(question, [Exchange("What was the revenue in 2020?", "4.1 million.")], "en") == question


@pytest.mark.parametrize("question", ["Who else?", "Tell me more.", "Under which clause?", "When was that?"])
def test_what_nothing_better_is_known_of_is_asked_with_the_last_question(question: str) -> None:
    found = rewritten(question, [Exchange("Who attended the meeting?", "Anna, Ben and Carla.")], "en")
    assert found == f"{question.rstrip('?.')} (Who attended the meeting?)"


def test_a_question_may_go_on_from_one_that_went_on_itself() -> None:
    said = [
        HumanMessage("What was the revenue in 2020?"),
        AIMessage("4.1"),
        HumanMessage("And in 2021?"),
        AIMessage("5"),
    ]
    before = exchanges(said, "en")
    assert [it.question for it in before] == ["What was the revenue in 2020?", "What was the revenue in 2021?"]
    assert rewritten("And the profit?", before, "en") == "What was the profit in 2021?"


def run(graph: Any, options: Any = TINY, thread: str = "", **given: Any) -> dict[str, Any]:
    config = {"configurable": {"thread_id": thread}} if thread else None
    result: dict[str, Any] = graph.invoke({"task_type": "lookup", **given}, config, context=options)
    return result


def test_a_thread_is_a_conversation_and_a_single_question_is_none(registry: Registry) -> None:
    graph = build_graph(registry, checkpointer=InMemorySaver())
    first = run(graph, thread="1", context=TEXT, query="When was the harbour of Thorle closed?")
    assert "contextualize" not in first["timings"]
    second = run(graph, thread="1", query="And who closed it?")
    assert (second["asked"], second["question"]) == ("And who closed it?", "Who closed the harbour of Thorle?")
    assert [it["text"] for it in second["trace"] if it["what"] == "rewritten"] == [second["question"]]
    third = run(graph, thread="1", query="Who was proud of Captain Quill?")
    assert third["question"] == third["asked"]
    alone = run(graph, memory_id=first["memory_id"], query=second["question"], thread="2")
    assert [it.page_content for it in alone["evidence"]] == [it.page_content for it in second["evidence"]]
    assert [str(it.content) for it in second["messages"] if it.type == "human"][-1] == "And who closed it?"


def test_the_task_is_chosen_for_what_a_follow_up_means(registry: Registry) -> None:
    graph = build_graph(registry)
    said = [HumanMessage("Why was the harbour closed?"), AIMessage("Sand."), HumanMessage("And the lighthouse?")]
    result = run(graph, context=TEXT, messages=said, task_type="auto")
    assert result["question"] == "Why was the lighthouse closed?"
    assert result["task"] == "memorag"


def test_a_chat_model_rewrites_where_there_is_one_and_the_rules_where_it_fails(registry: Registry) -> None:
    said = [HumanMessage("When was the harbour closed?"), AIMessage("In 1911."), HumanMessage("Who closed it?")]
    written = Prompted(messages=iter([AIMessage("Who closed the old harbour?"), AIMessage("Quill [1].")]), prompts=[])
    registry.add_chat_model("writer", written)
    registry.add_chat_model("broken", Broken())
    result = run(build_graph(registry), TINY.model_copy(update={"generator": "writer"}), context=TEXT, messages=said)
    assert result["question"] == "Who closed the old harbour?"
    assert all(text in written.prompts[0] for text in ("When was the harbour closed?", "In 1911.", "Who closed it?"))
    registry.add_chat_model(
        "rambling", Prompted(messages=iter([AIMessage("Zebras graze."), AIMessage("Q [1].")]), prompts=[])
    )
    made_up = run(build_graph(registry), TINY.model_copy(update={"generator": "rambling"}), context=TEXT, messages=said)
    assert made_up["question"] == "Who closed the harbour?"
    failed = run(build_graph(registry), TINY.model_copy(update={"generator": "broken"}), context=TEXT, messages=said)
    assert failed["question"] == "Who closed the harbour?"


def test_system_messages_instruct_the_generator_and_are_not_searched_for(registry: Registry) -> None:
    written = Prompted(messages=iter([AIMessage("Quill [1].")]), prompts=[])
    registry.add_chat_model("writer", written)
    graph = build_graph(registry)
    asked, system = HumanMessage("Which captain was proud of the harbour?"), SystemMessage("Answer in French.")
    plain = run(graph, context=TEXT, messages=[asked])
    instructed = run(graph, context=TEXT, messages=[system, asked])
    assert instructed["question"] == asked.content
    assert instructed["answer"] == plain["answer"]
    assert instructed["evidence"] == plain["evidence"]
    chain = memorag_chain(plain["memory_id"], graph=graph, task_type="lookup", options=TINY)
    assert chain.invoke([system, asked]).text == plain["answer"]


def test_a_file_in_a_message_is_refused_by_its_name(registry: Registry) -> None:
    file = {"type": "file", "mime_type": "application/pdf", "base64": "JVBERi0=", "filename": "lease.pdf"}
    message = HumanMessage([{"type": "text", "text": "What is the rent?"}, file])
    with pytest.raises(InputError, match=r"lease\.pdf"):
        run(build_graph(registry), context=TEXT, messages=[message])


def test_a_conversation_of_results_holds_their_standing_questions() -> None:
    results = [{"asked": "And it?", "question": f"What is {number}?", "answer": str(number)} for number in range(6)]
    said = conversation(results, "Why?")
    assert [it.text for it in said][:2] == ["What is 2?", "2"]
    assert said[-1].text == "Why?"


def test_without_words_before_it_a_question_stays_as_it_is(registry: Registry) -> None:
    result = run(build_graph(registry), context=TEXT, messages=[HumanMessage(" "), HumanMessage("And Thorle?")])
    assert result["question"] == "And Thorle?"


def test_a_long_text_says_what_it_is_about() -> None:
    text = "And " * 300_000 + "why?"
    assert rewritten(text, [Exchange("What was the revenue in 2020?", "4.1 million.")], "en") == text
