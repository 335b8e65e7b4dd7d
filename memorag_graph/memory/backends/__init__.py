"""Hold a memory's keys and values: in this process, or on an inference server."""
