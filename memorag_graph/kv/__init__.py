"""Keys and values: the prefix that a memory is, and the branches that continue it."""
