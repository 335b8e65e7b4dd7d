"""Evidence + question → answer with citations."""
