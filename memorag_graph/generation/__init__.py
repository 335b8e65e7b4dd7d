"""Answer questions from evidence, with citations."""
