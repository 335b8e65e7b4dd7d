"""Which keys and values of a memory can go: scores that know no question, and what is left after eviction."""
