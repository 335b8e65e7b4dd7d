"""Language models and embedding models: loading, tokens, chat templates, decoding."""
