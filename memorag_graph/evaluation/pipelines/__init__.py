"""Ways from a question to evidence and an answer, side by side on the same chunks, models and budget."""
