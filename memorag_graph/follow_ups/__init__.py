"""Questions that depend on the conversation before them, such as "And in the year after?", rewritten to stand alone."""
