"""Where a memory's keys and values are held: in this process, or by an inference server."""
