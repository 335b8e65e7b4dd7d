"""Start the demo's server in this process."""

from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware

from memorag_graph.documents import MOST_BYTES
from memorag_graph.models.loading import silence_libraries
from memorag_graph.registry import Registry
from memorag_graph.serving.credentials import Credentials
from memorag_graph.serving.quotas import Quota
from memorag_graph.serving.tenants import Tenants
from memorag_graph.settings import RunOptions
from memorag_graph.ui import example, resources
from memorag_graph.ui.gate import Gate, login_routes
from memorag_graph.ui.visitors import Visitors

_MB = 1_000_000


def launch(
    options: RunOptions, credentials: Credentials, quota: Quota, libraries_at: str, host: str, port: int
) -> None:
    """Serve the demo until interrupted.

    Args:
        options: The operator's options, the defaults of each session.
        credentials: Recognise visitors.
        quota: What each tenant may use.
        libraries_at: Where libraries are kept: a directory or a URL of an object store; by default beside the memories.
        host: Address to listen on.
        port: Port to listen on.
    """
    silence_libraries()
    visitors = Visitors(credentials)
    tenants = Tenants(Registry(), quota, options, libraries_at)
    resources.running = resources.Demo(options, tenants, visitors)
    resources.running.load_models()
    example.memorize_beforehand(resources.running)
    app = st.App(
        Path(__file__).with_name("page.py").resolve(),
        routes=login_routes(visitors) if visitors.has_login else None,
        middleware=[Middleware(Gate, visitors)] if visitors.has_login else None,
    )
    app.run(
        config={
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
    )
    tenants.close()
