"""The results folder: paths, reading, verifying."""
