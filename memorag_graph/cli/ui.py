"""The command ``ui``."""

from typing import Annotated

import typer

from memorag_graph.cli import options as opt
from memorag_graph.cli.serve import require_free, require_key
from memorag_graph.errors import MissingExtraError
from memorag_graph.service_settings import ServiceOptions
from memorag_graph.serving.credentials import configured_credentials
from memorag_graph.settings import RunOptions


@opt.takes_options(*opt.MODELS, "memory", "adapter", "generator", "copies_mb")
def ui(
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="Port to listen on.", min=1, max=65535)] = 8501,
    api_key: Annotated[
        str, typer.Option("--api-key", envvar="MEMORAG_GRAPH_API_KEY", help="The operator's key, to log in with.")
    ] = "",
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Allow other machines to connect without a key, as the operator.")
    ] = False,
    *,
    service: ServiceOptions,
    options: RunOptions,
) -> None:
    """Open the web demo: upload documents, ask, follow citations.

    Visitors log in if there are keys (memorag-graph keys add, --api-key) or an issuer of tokens; otherwise there is one
    user.
    """
    credentials = configured_credentials(service, api_key)
    require_key(host, credentials, insecure=insecure)
    try:
        from memorag_graph.serving.quotas import Quota
        from memorag_graph.ui.launch import launch
    except ImportError as error:
        raise MissingExtraError(f"ui ({error.name})", "ui") from None
    require_free(host, port)
    if "memory" not in options.model_fields_set:  # visitors do not wait
        options = options.model_copy(update={"memory": "background"})
    launch(options, credentials, Quota.of(service), service.libraries, host, port)
