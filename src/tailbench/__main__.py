"""``python -m tailbench`` is the command ``tailbench``."""

from tailbench.pipeline.cli import main

main()
