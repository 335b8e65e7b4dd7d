"""The web demo: upload or choose a document, see it memorized, ask it, and see where each answer stands."""
