"""Start the demo's server in this process."""

import os
from pathlib import Path

from memorag_graph.documents import MOST_BYTES
from memorag_graph.settings import RunOptions
from memorag_graph.ui.resources import OPTIONS

_MB = 1_000_000


def launch(options: RunOptions, host: str, port: int) -> None:
    """Serve the demo until interrupted.

    Args:
        options: The operator's options, the defaults of each session.
        host: Address to listen on.
        port: Port to listen on.
    """
    from streamlit.web import bootstrap

    os.environ[OPTIONS] = options.model_dump_json()
    flags = {
        "server.address": host,
        "server.port": port,
        "server.headless": True,
        "server.maxUploadSize": MOST_BYTES // _MB,
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": False,
        "runner.magicEnabled": False,  # would display bare expressions, for example docstrings
        "runner.postScriptGC": False,  # with models loaded, a full collection takes 0.3 s after every rerun
        "client.toolbarMode": "minimal",
        "client.showErrorDetails": "none",
        "theme.light.primaryColor": "#1d5577",  # for each, so that the page follows the system's choice
        "theme.dark.primaryColor": "#61a5c2",
    }
    bootstrap.load_config_options(flags)
    bootstrap.run(str(Path(__file__).with_name("page.py")), False, [], flags)
