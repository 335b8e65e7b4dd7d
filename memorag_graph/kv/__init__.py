"""Keys and values as data: prefixes, shards, quantization, encoding."""
