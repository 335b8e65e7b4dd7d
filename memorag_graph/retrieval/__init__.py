"""Index chunks, and find evidence for queries."""
