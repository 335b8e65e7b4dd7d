"""Gists → KV memory, and the memory on disk."""
