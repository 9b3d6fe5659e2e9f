"""Pictures, one file per figure."""
