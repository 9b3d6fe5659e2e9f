"""The configuration: what a user writes, checked and completed."""
