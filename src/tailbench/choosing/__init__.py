"""Choice of a model for a table: what the table holds, which methods suit it, and which is best."""
