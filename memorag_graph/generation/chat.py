"""Answers written by a chat model from numbered passages."""

from typing import Any

from langchain_core.callbacks import CallbackManagerForChainRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableConfig, RunnableSerializable
from pydantic import ConfigDict

from memorag_graph.generation.answer import Answer, GenerationInput
from memorag_graph.generation.citations import cite
from memorag_graph.models.chat_template import without_thinking


class ChatGenerator(RunnableSerializable[GenerationInput, Answer]):
    """Has any LangChain chat model write the answer and checks its citations."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    chat: BaseChatModel

    def invoke(
        self,
        input: GenerationInput,
        config: RunnableConfig | None = None,
        **kwargs: Any,  # noqa: ANN401 - LangChain's interface
    ) -> Answer:
        """Write the answer and cite it."""
        return self._call_with_config(self._answer, input, config)

    def _answer(
        self, given: GenerationInput, run_manager: CallbackManagerForChainRun, config: RunnableConfig
    ) -> Answer:
        reply = self.chat.invoke([HumanMessage(_prompt(given))], config)
        text = without_thinking(reply.text).strip()
        citations, notices = cite(text, given["evidence"], given["prompts"].language.code)
        usage = reply.usage_metadata
        new_tokens = usage["output_tokens"] if usage else 0
        return Answer(text, tuple(citations), tuple(notices), new_tokens, reply.id)


def _prompt(given: GenerationInput) -> str:
    prompts = given["prompts"]
    passages = "\n\n".join(f"[{number}] {passage.text}" for number, passage in enumerate(given["evidence"], start=1))
    if given["task_type"] == "summarize":
        points = "\n".join(f"- {point}" for point in given["outline"])
        return prompts.fill("sum_gen", evidence=passages, memory=points, question=given["question"])
    note = prompts.memory_note(given["draft"])
    return prompts.fill("qa_gen", evidence=passages, memory=note, question=given["question"])
