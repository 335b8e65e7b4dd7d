"""Metrics of the outcome of a question. A metric that is not defined for a question is None, never 0."""
