"""``python -m memorag_graph``."""

from memorag_graph.cli.app import main

main()
