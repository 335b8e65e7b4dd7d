"""Pipelines from a question to evidence and an answer, compared on the same chunks, models and budget."""
