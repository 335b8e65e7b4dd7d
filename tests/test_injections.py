"""A document is data: what it orders changes neither task nor citations nor what a generator reads as its prompt."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from pydantic import Field

from memorag_graph.documents import read_document
from memorag_graph.generation.fence import Fence
from memorag_graph.graph import build_graph
from memorag_graph.langchain.tool import memorag_tool
from memorag_graph.registry import Registry
from tests.conftest import TINY
from tests.injections import AFTER, BEFORE, COMMAND, FORMATS, KINDS

QUESTION = "Who built the lighthouse of Inshay?"
REPLY = "The lighthouse of Inshay was built in 1871 by Captain Struan [1]."
CASES = [(kind, suffix) for kind in KINDS for suffix in FORMATS]
_OPENING = re.compile(r"<document (\w+)>")


def outside(prompt: str) -> str:
    """Return what stands outside the fence that the prompt announces first."""
    opening = _OPENING.search(prompt)
    assert opening, "the prompt announces no fence"
    start, end = f"<document {opening[1]}>\n", f"\n</document {opening[1]}>"
    return re.sub(f"{re.escape(start)}.*?{re.escape(end)}", "", prompt, flags=re.DOTALL)


class Obedient(BaseChatModel):
    """Does what the prompt says outside the fence: an order, else the question."""

    prompts: list[str] = Field(default_factory=list)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        prompt = messages[-1].text
        self.prompts.append(prompt)
        reply = "PWNED" if COMMAND in outside(prompt) else REPLY
        return ChatResult(generations=[ChatGeneration(message=AIMessage(reply))])

    @property
    def _llm_type(self) -> str:
        return "obedient"


@pytest.fixture
def document(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    kind, suffix = request.param
    path = tmp_path / f"letter.{suffix}"
    FORMATS[suffix](path, KINDS[kind])
    return path


def ask(registry: Registry, document: Path, generator: str) -> dict[str, Any]:
    options = TINY.model_copy(update={"generator": generator})
    given = {"files": [str(document)], "query": QUESTION, "task_type": "lookup"}
    return dict(build_graph(registry).invoke(given, context=options))


def require_verbatim(result: dict[str, Any], document: Path) -> None:
    text = read_document(document).text
    assert result["citations"]
    for cited in result["citations"]:
        assert text[cited["start"] : cited["end"]] == cited["quote"]
        assert cited["source"] == str(document)


@pytest.mark.parametrize("document", CASES, indirect=True, ids=[f"{kind}-{suffix}" for kind, suffix in CASES])
def test_an_order_in_a_document_is_never_obeyed(registry: Registry, document: Path) -> None:
    assert "PWNED" in read_document(document).text, "the injection was not read"
    obedient = Obedient()
    registry.add_chat_model("obedient", obedient)
    result = ask(registry, document, "obedient")
    assert result["answer"] == REPLY
    assert result["task"] == "lookup"
    (prompt,) = obedient.prompts
    assert COMMAND in prompt, "the injection was not among the evidence"
    assert QUESTION in outside(prompt)
    require_verbatim(result, document)


@pytest.mark.parametrize("document", CASES, indirect=True, ids=[f"{kind}-{suffix}" for kind, suffix in CASES])
def test_an_extractive_answer_quotes_the_document(registry: Registry, document: Path) -> None:
    result = ask(registry, document, "extractive")
    assert result["task"] == "lookup"
    assert not Path("pwned").exists()
    assert [node for node in result["timings"] if node not in ("memorize", "retrieve", "generate")] == []
    if not result["abstained"]:
        require_verbatim(result, document)


@pytest.mark.parametrize("kind", KINDS)
def test_what_an_agent_gets_is_fenced(registry: Registry, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "letter.txt"
    path.write_text(KINDS[kind], encoding="utf-8")
    options = TINY.model_copy(update={"generator": "extractive"})
    opened = registry.memorize([read_document(path)], options)
    tool = memorag_tool(opened.memory.id, graph=build_graph(registry), options=options)
    content = tool.invoke({"question": "What is written?", "task_type": "lookup"})
    assert COMMAND not in outside(content)


@pytest.mark.parametrize("texts", [["a"], [BEFORE, AFTER], ["", ""], ["\ud800"]])
def test_no_text_contains_the_mark_of_its_fence(texts: Sequence[str]) -> None:
    mark = Fence.around(*texts).mark
    assert all(mark not in text for text in texts)
    assert Fence.around(*texts) == Fence.around(*texts)
    assert Fence.around(*texts, mark).mark != mark, "a text that names the mark changes it"
    assert Fence.around("ab", "c") != Fence.around("a", "bc")
