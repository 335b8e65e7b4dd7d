"""Read PDF: columns, tables, hidden text, pages that are pictures."""
