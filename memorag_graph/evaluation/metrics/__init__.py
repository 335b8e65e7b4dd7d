"""Outcome of a question → figures. A figure that is not defined for a question is None, never 0."""
