"""A memory as a tool: an agent's model chooses when to ask, and reads the answer with its citations.

The model here is scripted, so that the example runs without a key; put any chat model with tools in its place.
"""

from pathlib import Path

from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, HumanMessage, ToolCall
from langgraph.graph import MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition

from memorag_graph import memorag_tool
from memorag_graph.documents import read_document
from memorag_graph.graph import registry
from memorag_graph.settings import RunOptions

document = read_document(Path(__file__).parent / "skerrow_letters.txt")
memory_id = registry.memorize([document], RunOptions()).memory.id
tool = memorag_tool(memory_id, description="Letters of a ferry company's chairman to its shareholders, 1999 to 2024.")

call = ToolCall(name=tool.name, args={"question": "When did the county close the Garrow Bridge?"}, id="1")
model = GenericFakeChatModel(messages=iter([AIMessage("", tool_calls=[call]), AIMessage("See the tool's answer.")]))

agent = StateGraph(MessagesState)
agent.add_node("model", lambda state: {"messages": [model.invoke(state["messages"])]})
agent.add_node("tools", ToolNode([tool]))
agent.set_entry_point("model")
agent.add_conditional_edges("model", tools_condition)
agent.add_edge("tools", "model")
for message in agent.compile().invoke({"messages": [HumanMessage("When was the bridge closed?")]})["messages"]:
    print(f"{message.type}: {message.text or message.tool_calls}")
