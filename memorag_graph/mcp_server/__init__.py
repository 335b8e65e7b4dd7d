"""Memories for clients of the Model Context Protocol: tools that ask them, and documents as resources."""
