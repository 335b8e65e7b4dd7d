"""A client of the service: start ``memorag-graph serve``, then run this with its address."""

import sys
from pathlib import Path
from typing import Any

import httpx
from langserve import RemoteRunnable

url = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000"
letters = Path(__file__).parent / "skerrow_letters.txt"

with letters.open("rb") as file:
    made = httpx.post(f"{url}/memories/upload", files={"files": (letters.name, file)}, timeout=None).raise_for_status()
memory_id = made.json()["memory_id"]

ask: Any = RemoteRunnable(f"{url}/memorag")
question = {"memory_id": memory_id, "query": "How low did the company's cash headroom fall?"}
for piece in ask.stream(question, {"configurable": {"hits": 5}}):
    print(piece["answer"], end="", flush=True)
print()
for citation in piece["citations"]:
    print(f"  [{citation['number']}] {citation['source']}: {citation['quote']}")
