"""A client of a LangGraph server: start ``langgraph dev``, then run this with its address."""

import sys
from pathlib import Path

from langgraph_sdk import get_sync_client

url = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:2024"
client = get_sync_client(url=url, timeout=600)
text = (Path(__file__).parent / "skerrow_letters.txt").read_text(encoding="utf-8")
thread = client.threads.create()["thread_id"]

for event in client.runs.stream(
    thread,
    "memorag",
    input={"context": text, "query": "What did the company do about the price of fuel?"},
    context={"hits": 5},
    stream_mode=["custom", "messages-tuple"],
):
    if event.event == "custom":
        progress = event.data["progress"]
        print(
            f"\r{progress['stage']}: {progress['done']:,} of {progress['total']:,} {progress['unit']}",
            end="",
            flush=True,
        )
    elif event.event == "messages" and event.data[1]["langgraph_node"] == "generate":
        print(f"\n{event.data[0]['content']}")

# The thread remembers which document it is about.
answer = client.runs.wait(thread, "memorag", input={"query": "Who was paid a dividend?", "task_type": "qa"})
print(f"{answer['answer']}\n{answer['notices'][0]}")
