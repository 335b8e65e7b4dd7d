"""Beacon memories: a text is read in windows, and only the keys and values of their beacon tokens are kept.

Zhang et al., "Long Context Compression with Activation Beacon", 2024; MemoRAG's trained memory models
(Qian et al., 2024) are such models.
"""
