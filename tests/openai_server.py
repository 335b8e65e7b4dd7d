"""A server on loopback that speaks the OpenAI protocol, notes what it is asked, and fails as it is told."""

import json
import threading
import time
from collections import deque
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

REPLY = "Captain Struan was proud of the harbour at Thorle [1]."
USAGE = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}


@dataclass(frozen=True)
class Asked:
    """A request as it came."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]


class Handler(BaseHTTPRequestHandler):
    server: "OpenAIServer"
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    _FAULTS: ClassVar[dict[str, int]] = {"401": 401, "403": 403, "404": 404, "429": 429, "500": 500, "503": 503}

    def log_message(self, *args: object) -> None:
        """Write nothing."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.asked.append(Asked(self.path, headers, body))
        fault = self.server.next_fault()
        if fault in self._FAULTS:
            echoed = headers.get("authorization", "") + headers.get("api-key", "")
            error = {"error": {"message": f"Incorrect API key provided: {echoed}", "code": fault}}
            self._send(self._FAULTS[fault], json.dumps(error).encode())
        elif fault == "slow":
            time.sleep(1.5)
            self._send(200, b"{}")
        elif fault == "garbage":
            self._send(200, b"<html>not what was asked for</html>")
        elif fault == "truncated":
            whole = json.dumps(self._completion(body)).encode()
            self._send(200, whole[: len(whole) // 2], length=len(whole))
        elif body.get("stream"):
            self._stream(body, breaks=fault == "half")
        else:
            time.sleep(self.server.seconds)
            self._send(200, json.dumps(self._completion(body)).encode())

    def _completion(self, body: dict[str, Any]) -> dict[str, Any]:
        message = {"role": "assistant", "content": self.server.reply(body)}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return {"id": "1", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice],
                "usage": self.server.usage(body)}  # fmt: skip

    def _stream(self, body: dict[str, Any], *, breaks: bool) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        words = self.server.reply(body).split(" ")
        for number, word in enumerate(words):
            if breaks and number == len(words) // 2:
                self.close_connection = True
                self.connection.close()
                return
            delta = {"role": "assistant", "content": word if number == 0 else f" {word}"}
            self._event({"choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
        self._event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        if body.get("stream_options", {}).get("include_usage"):
            self._event({"choices": [], "usage": self.server.usage(body)})
        self._chunk(b"data: [DONE]\n\n")
        self._chunk(b"")

    def _event(self, content: dict[str, Any]) -> None:
        chunk = {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "m", **content}
        self._chunk(f"data: {json.dumps(chunk)}\n\n".encode())

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    def _send(self, status: int, data: bytes, length: int | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(length or len(data)))
        if status == 429:
            self.send_header("Retry-After", "0")
        self.end_headers()
        self.wfile.write(data)
        if length:
            self.close_connection = True


class OpenAIServer(ThreadingHTTPServer):
    """The server; ``faults`` are what it does with the next requests, ``always`` with all the others."""

    daemon_threads = True
    handler: type[Handler] = Handler

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), self.handler)
        self.asked: list[Asked] = []
        self.faults: deque[str] = deque()
        self.always = ""
        self.seconds = 0.0
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def next_fault(self) -> str:
        return self.faults.popleft() if self.faults else self.always

    def usage(self, body: dict[str, Any]) -> dict[str, Any]:
        """Return what a request is told to have cost."""
        return USAGE

    def reply(self, body: dict[str, Any]) -> str:
        """Echo a number that the prompt ends with, else say always the same."""
        last = str(body["messages"][-1]["content"]).split()[-1]
        return f"reply {last}" if last.isdigit() else REPLY

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that gave up is no fault of the server."""
