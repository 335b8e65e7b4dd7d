"""Documents to a memory: sections, section notes, shards, keys and values."""
