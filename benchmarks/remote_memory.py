"""Ask a memory on an inference server with and without its prefix cache.

python benchmarks/remote_memory.py --url http://127.0.0.1:8000/v1 --model NAME

The server: vLLM with ``--enable-prompt-tokens-details``. Writes ``benchmarks/results/remote_memory.json``: for each
question the seconds, the tokens of its prompt and those that came from the cache. "without" asks each question under a
salt that no earlier request had, so that the server has to read the whole memory again.
"""

import argparse
import secrets
import statistics
import tempfile
import time
from typing import Any

from common import DOCUMENT, write_result

from memorag_graph import RemoteMemory
from memorag_graph.registry import Registry

QUESTIONS = (
    "Who was proud of the harbour at Thorle?",
    "What did the ferry carry?",
    "Who rebuilt the lighthouse?",
    "What became of the bridge?",
    "Which ship was lost?",
    "Who wrote the letters?",
)
ANSWER_TOKENS = 16


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--url", required=True, help="address of the server, ending in /v1")
    parser.add_argument("--model", required=True, help="name of the served model")
    parser.add_argument("--characters", type=int, default=12_000, help="length of the text to memorize")
    parser.add_argument("--name", default="remote_memory", help="name of the result")
    given = parser.parse_args()
    text = DOCUMENT.read_text(encoding="utf-8")[: given.characters]
    secret = secrets.token_urlsafe(32)  # of this run, so that nothing is in the cache

    with tempfile.TemporaryDirectory() as directory:

        def remembered(tenant: str) -> RemoteMemory:
            memory = open_memory(given.url, given.model, secret, tenant)
            memory.load(directory)
            return memory

        first = open_memory(given.url, given.model, secret, "first")
        begun = time.perf_counter()
        first.memorize(text, directory)
        memorizing = time.perf_counter() - begun
        warmed = first.usage
        with_cache = [ask(first, question) for question in QUESTIONS]
        another = ask(remembered("second"), QUESTIONS[0])
        same_salt = ask(remembered("first"), QUESTIONS[0])
        without = [ask(remembered(f"unknown {number}"), question) for number, question in enumerate(QUESTIONS)]
        facts = first.model.language_model.facts  # type: ignore[attr-defined]
        memory = first.session.opened().memory
        write_result(
            given.name,
            {
                "server": facts.server,
                "served": facts.served.rsplit("/", 1)[-1],
                "document_tokens": memory.context_tokens,
                "shards": len(memory.shards),
                "prefix_tokens": [first.model.language_model.count(shard.text) for shard in memory.shards],
                "memorizing": {"seconds": round(memorizing, 3), "requests": warmed.calls},
                "with_cache": with_cache,
                "without_cache": without,
                "another_tenants_salt": another,
                "the_same_salt_in_another_client": same_salt,
                "median_seconds": {
                    "with_cache": statistics.median(it["seconds"] for it in with_cache),
                    "without_cache": statistics.median(it["seconds"] for it in without),
                },
            },
        )


def open_memory(url: str, model: str, secret: str, tenant: str) -> RemoteMemory:
    """Return a memory of a tenant; nothing is read before the first question but when it memorizes."""
    api = {"api_key": "none", "base_url": url, "timeout": 600}
    return RemoteMemory(model, api_dict=api, kind="full", registry=Registry(), tenant=tenant, secret=secret)


def ask(memory: RemoteMemory, question: str) -> dict[str, Any]:
    """Ask a question; return its seconds and its tokens, of the whole prompt and of what was in the cache."""
    memory.session.opened()
    before, begun = memory.usage, time.perf_counter()
    memory.answer(question, max_new_tokens=ANSWER_TOKENS)
    seconds, after = time.perf_counter() - begun, memory.usage
    read, cached = after.input_tokens - before.input_tokens, after.cached_tokens - before.cached_tokens
    return {
        "question": question,
        "seconds": round(seconds, 3),
        "prompt_tokens": read,
        "cached_tokens": cached,
        "cached_share": round(cached / read, 4),
    }


if __name__ == "__main__":
    main()
