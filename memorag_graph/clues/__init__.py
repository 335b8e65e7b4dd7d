"""Question + memory → recalled spans, surrogate questions, draft answer, outline."""
