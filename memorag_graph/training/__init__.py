"""Train an adapter that writes a memory's clues."""
