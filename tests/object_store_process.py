"""The process of :mod:`tests.object_store`. Prints its port, and an answer to each line: ``stop``, ``start``."""

import logging
import sys
import threading

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import BaseWSGIServer, make_server


def serve(port: int, application: DomainDispatcherApplication) -> BaseWSGIServer:
    server = make_server("127.0.0.1", port, application, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def main() -> None:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    application = DomainDispatcherApplication(create_backend_app)
    server = serve(0, application)
    port = server.server_port
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
