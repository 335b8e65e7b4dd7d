"""Memories on disk: file format, transactions, the store with its locks and leases, and the journal."""
