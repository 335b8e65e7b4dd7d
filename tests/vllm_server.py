"""A server on loopback that imitates vLLM's prefix cache and tokenizer, or SGLang's words about itself.

As in vLLM, whole blocks of 16 tokens are cached, each under a hash of everything before it that begins with the salt,
and the last token of a prompt is always computed.
"""

import json
import re
import threading
from typing import Any

from typing_extensions import override

from tests.openai_server import Handler, OpenAIServer

BLOCK = 16
ANSWER = "Captain Struan was proud of the harbour at Thorle."


def is_gist(body: dict[str, Any]) -> bool:
    return "Summarize the text above" in str(body["messages"][-1]["content"])


def tokens_of(text: str) -> list[str]:
    """Divide a text as the served model's tokenizer does."""
    return re.findall(r"\s*\S{1,4}|\s+$", text)


def chat_tokens(messages: list[dict[str, Any]]) -> list[str]:
    """Divide a conversation and the chat template around it."""
    divided = [[f"<{it['role']}>", *tokens_of(str(it["content"])), "</>"] for it in messages]
    return [token for part in divided for token in part] + ["<assistant>"]


class VllmHandler(Handler):
    server: "VllmServer"

    @override
    def do_GET(self) -> None:
        told = self.server.told(self.path)
        self._send(200 if told is not None else 404, json.dumps(told or {}).encode())

    @override
    def do_POST(self) -> None:
        if not self.path.endswith("/tokenize"):
            super().do_POST()
            return
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.tokenized += 1
        if not self.server.has_tokenizer:
            self._send(404, b"{}")
            return
        divided = chat_tokens(body["messages"]) if "messages" in body else tokens_of(body["prompt"])
        ids = [sum(token.encode()) + self.server.vocabulary for token in divided]
        self._send(200, json.dumps({"count": len(ids), "tokens": ids}).encode())


class VllmServer(OpenAIServer):
    """The server; its attributes are how it is set up."""

    handler = VllmHandler

    def __init__(self) -> None:
        self.engine = "vllm"
        self.version = "0.32.0"
        self.root = "org/model-1b"
        self.window = 8192
        self.vocabulary = 0
        self.has_tokenizer = True
        self.caches = True
        self.tells_cached = True
        self.info: dict[str, Any] | None = None
        self.tokenized = 0
        self.usages: list[dict[str, Any]] = []
        self._blocks: set[Any] = set()
        self._guard = threading.Lock()
        super().__init__()

    def restart(self) -> None:
        """Forget what is cached."""
        self._blocks.clear()

    def told(self, path: str) -> dict[str, Any] | None:
        """Return what an address tells; None if there is none of that name."""
        card = {"id": "m", "object": "model", "created": len(self.asked), "owned_by": self.engine, "root": self.root,
                "max_model_len": self.window}  # fmt: skip
        pages = {
            "/v1/models": {"object": "list", "data": [{**card, "id": "another"}, card]},
            "/version": {"version": self.version},
            "/server_info": self.info,
        }
        return pages.get(path)

    def usage(self, body: dict[str, Any]) -> dict[str, Any]:
        prompt = chat_tokens(body["messages"])
        usage: dict[str, Any] = {"prompt_tokens": len(prompt), "completion_tokens": 9,
                                 "total_tokens": len(prompt) + 9}  # fmt: skip
        cached = self._read(prompt, str(body.get("cache_salt", "")))
        if self.tells_cached:
            usage["prompt_tokens_details"] = {"cached_tokens": cached}
        self.usages.append({**usage, "cached": cached})
        return usage

    def reply(self, body: dict[str, Any]) -> str:
        prompt = str(body["messages"][-1]["content"])
        return " ".join(prompt.split()[:60]) if is_gist(body) else ANSWER

    @property
    def gists(self) -> list[dict[str, Any]]:
        return [it.body for it in self.asked if is_gist(it.body)]

    @property
    def warm_ups(self) -> list[dict[str, Any]]:
        return [it.body for it in self.asked if it.body.get("max_completion_tokens", it.body.get("max_tokens")) == 1]

    @property
    def questions(self) -> list[dict[str, Any]]:
        return [it.body for it in self.asked if not is_gist(it.body) and it.body not in self.warm_ups]

    def _read(self, prompt: list[str], salt: str) -> int:
        """Return how many tokens of a prompt are cached, and cache the others."""
        found, before, blocks = 0, salt, []
        for start in range(0, (len(prompt) - 1) // BLOCK * BLOCK, BLOCK):
            before = str(hash((before, tuple(prompt[start : start + BLOCK]))))
            blocks.append(before)
        with self._guard:
            for block in blocks:
                if block not in self._blocks:
                    break
                found += BLOCK
            if self.caches:
                self._blocks.update(blocks)
        return found
