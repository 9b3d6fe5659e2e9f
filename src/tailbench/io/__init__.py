"""Files: atomic writes, checksums, arrays."""
