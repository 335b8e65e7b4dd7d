"""Choose what a summary of a whole document quotes: parts of the document, and sentences that cover them."""
