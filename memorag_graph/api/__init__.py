"""MemoRAG's Python interface, over the same core as the graph."""
