"""What agent-chat-ui sends and shows: start ``langgraph dev``, then run this with its address.

The program has no field for a memory: make an assistant that has one, and give it the assistant's id. Or let an own
program send what this one sends.
"""

import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from langgraph_sdk import get_sync_client

url = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:2024"
letters = Path(__file__).parent / "skerrow_letters.txt"
client = get_sync_client(url=url, timeout=600)

# The operator, once: a memory, and an assistant that asks it.
with letters.open("rb") as file:
    made = httpx.post(f"{url}/memories/upload", files={"files": (letters.name, file)}, timeout=None).raise_for_status()
context = {"memory_id": made.json()["memory_id"]}
assistant = client.assistants.create("memorag", name="letters", context=context)["assistant_id"]

# The program, for each question: messages with blocks of text go in, pieces of messages and whole states come out.
thread = client.threads.create()["thread_id"]
for question in ("For how many weeks was the Garrow Bridge closed to lorries?", "And when did it close?"):
    message = {"id": str(uuid4()), "type": "human", "content": [{"type": "text", "text": question}]}
    print(f"human: {question}\nai: ", end="")
    state: dict[str, Any] = {}
    for event in client.runs.stream(
        thread,
        assistant,
        input={"messages": [message]},
        stream_mode=["values", "messages-tuple"],
        stream_subgraphs=True,
        stream_resumable=True,
    ):
        if event.event == "messages":
            print(event.data[0]["content"], end="", flush=True)
        elif event.event == "values":
            state = event.data
        elif event.event == "error":
            sys.exit(event.data["message"])
    print()
    for citation in state["messages"][-1]["response_metadata"]["citations"]:
        print(f"  [{citation['number']}] {citation['source']}: {citation['quote']}")

history = client.threads.get_history(thread, limit=1)
print("messages:", ", ".join(it["type"] for it in history[0]["values"]["messages"]))
