"""``python -m memorag_graph``."""

from memorag_graph.cli.main import main

main()
