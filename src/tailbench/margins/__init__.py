"""Maps of single columns between data and what a model learns."""
