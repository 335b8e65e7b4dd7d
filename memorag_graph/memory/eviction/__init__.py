"""Evict keys and values: score them without knowing any question, and keep the best."""
