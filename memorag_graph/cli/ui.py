"""The command ``ui``."""

from typing import Annotated

import typer

from memorag_graph.cli import options as opt
from memorag_graph.errors import InputError, MissingExtraError


def ui(
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="Port to listen on.", min=1, max=65535)] = 8501,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Let others than this machine in; there is no key.")
    ] = False,
    model: opt.Model = "",
    embedding_model: opt.EmbeddingModel = "",
    generator: opt.GeneratorName = "",
    device: opt.Device = "auto",
    dtype: opt.Dtype = "auto",
) -> None:
    """Open the web demo: upload documents, ask them, see where each answer stands."""
    from memorag_graph.cli.serve import LOOPBACK, require_free

    if host not in LOOPBACK and not insecure:
        raise InputError("host", f"{host} lets others in, and the demo knows no keys; give --insecure if you mean it")
    chosen = opt.make_options(
        (), model=model, embedding_model=embedding_model, generator=generator, device=device, dtype=dtype
    )
    try:
        from memorag_graph.ui.launch import launch
    except ImportError as error:
        raise MissingExtraError(f"ui ({error.name})", "ui") from None
    require_free(host, port)
    launch(chosen, host, port)
