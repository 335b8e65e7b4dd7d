"""An agent of LangChain that knows a document before its model is called, and may ask it further.

The model here is scripted, so that the example runs without a key; put any chat model with tools in its place.
"""

from pathlib import Path

from langchain.agents import create_agent
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.outputs import ChatResult

from memorag_graph.documents import read_document
from memorag_graph.graph import registry
from memorag_graph.langchain.document_middleware import DocumentMiddleware
from memorag_graph.settings import RunOptions


class Scripted(GenericFakeChatModel):
    """Shows what it is told, and gives a fixed answer."""

    def bind_tools(self, tools: object, **_: object) -> "Scripted":
        return self

    def _generate(self, messages: list[BaseMessage], *arguments: object, **named: object) -> ChatResult:
        print(f"system: {messages[0].text[:600]} ...")
        return super()._generate(messages, *arguments, **named)


document = read_document(Path(__file__).parent / "skerrow_letters.txt")
memory_id = registry.memorize([document], RunOptions(memory="never")).memory.id
model = Scripted(messages=iter([AIMessage("On 3 March 2014.")]))
agent = create_agent(model, middleware=[DocumentMiddleware(memory_id)])
for message in agent.invoke({"messages": [HumanMessage("When did the county close the bridge?")]})["messages"]:
    print(f"{message.type}: {message.text}")
