"""The Snakemake benchmark: configuration, planning, stages, results, reporting. No library module imports it."""
