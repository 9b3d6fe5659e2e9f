"""The Snakemake benchmark; no module of the library imports it."""
