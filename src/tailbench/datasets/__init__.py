"""Real data: one file per source."""
