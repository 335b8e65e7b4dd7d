"""Memories on disk: the file format, transactions, the store, its locks and journals."""
