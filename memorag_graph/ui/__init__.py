"""The web demo: upload or choose a document, watch it being memorized, ask questions, follow citations."""
