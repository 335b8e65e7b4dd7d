"""Plain text: languages, sentences, words, sections and chunks."""
