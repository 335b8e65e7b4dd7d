"""A client of OpenAI's protocol asks a memory: start ``memorag-graph serve``, then run this with its address."""

import sys
from pathlib import Path
from typing import Any

import httpx
from openai import OpenAI

url = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000"
letters = Path(__file__).parent / "skerrow_letters.txt"

with letters.open("rb") as file:
    httpx.post(f"{url}/memories/upload", files={"files": (letters.name, file)}, timeout=None).raise_for_status()

client = OpenAI(base_url=f"{url}/v1", api_key="any key, if the service has none")
messages: list[Any] = [{"role": "user", "content": "How low did the company's cash headroom fall?"}]
stream = client.chat.completions.create(model=letters.name, messages=messages, stream=True)
for chunk in stream:
    print(chunk.choices[0].delta.content or "", end="", flush=True)
print()
for note in getattr(chunk.choices[0].delta, "annotations", []):
    citation = note["url_citation"]
    print(f"  [{citation['extras']['number']}] {citation['title']}: {citation['cited_text']}")
