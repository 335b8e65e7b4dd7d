"""Recall spans, surrogate questions, a draft answer and an outline from a memory."""
