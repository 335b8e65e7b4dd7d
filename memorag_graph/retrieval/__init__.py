"""Chunks → index; queries → evidence."""
