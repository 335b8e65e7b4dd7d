"""The process of :mod:`tests.object_store`. Prints its port, and an answer to each line: ``stop``, ``start``."""

import logging
import socket
import sys
import threading
from collections.abc import Iterable
from typing import Any

from moto import backends
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server


class InOneWrite(WSGIRequestHandler):
    """Sends a reply's head and content together."""

    wbufsize = -1


class OneAtATime:
    """Answers one request after the other: moto fails where one lists what another changes."""

    def __init__(self) -> None:
        self._application = DomainDispatcherApplication(create_backend_app)
        self._lock = threading.Lock()

    def __call__(self, *request: Any) -> Iterable[bytes]:
        with self._lock:
            return list(self._application(*request))


def serve(port: int, application: OneAtATime) -> BaseWSGIServer:
    server = make_server("127.0.0.1", port, application, threaded=True, request_handler=InOneWrite)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def main() -> None:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    modules = frozenset(backends.list_of_moto_modules())
    backends.list_of_moto_modules = lambda: modules  # it would look for them with every request
    application = OneAtATime()
    reserved = socket.socket()  # bound and not listening, so that no other process gets the port while it is stopped
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    reserved.bind(("127.0.0.1", 0))
    port = reserved.getsockname()[1]
    server = serve(port, application)
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    for line in sys.stdin:
        if line.strip() == "stop":
            server.shutdown()
            server.server_close()
        else:
            server = serve(port, application)
        sys.stdout.write("done\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
