"""A LangGraph server's graph as a node of your own: start ``langgraph dev``, then run this with its address."""

import sys
from pathlib import Path

import httpx
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.pregel.remote import RemoteGraph

url = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:2024"
letters = Path(__file__).parent / "skerrow_letters.txt"

with letters.open("rb") as file:
    made = httpx.post(f"{url}/memories/upload", files={"files": (letters.name, file)}, timeout=None).raise_for_status()
remote = RemoteGraph("memorag", url=url, name="letters")

parent = StateGraph(MessagesState)
parent.add_node("letters", remote)
parent.add_edge(START, "letters")
parent.add_edge("letters", END)
graph = parent.compile()

question = {"messages": [("user", "For how many weeks was the Garrow Bridge closed to lorries?")]}
options = {"configurable": {"memory_id": made.json()["memory_id"]}}
answer = graph.invoke(question, options)["messages"][-1]
print(f"{answer.type}: {answer.text}")
for citation in answer.response_metadata["citations"]:
    print(f"  [{citation['number']}] {citation['source']}: {citation['quote']}")

for update in remote.stream({"query": "Who was paid a dividend?"}, options, stream_mode="updates"):
    print("step:", ", ".join(update))
