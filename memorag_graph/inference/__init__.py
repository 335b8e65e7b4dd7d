"""Run a transformer: attention over a shared prefix, decode sessions, the fast paths of a processor."""
