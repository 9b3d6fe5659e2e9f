"""``python -m tailbench`` is the command ``tailbench``."""

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line; where a package of it is missing, say how to get it."""
    try:
        from tailbench.pipeline.cli import main as run
    except ModuleNotFoundError as error:
        if (error.name or "tailbench").partition(".")[0] == "tailbench":
            raise
        sys.exit(
            f"tailbench: the command needs the package {error.name}: "
            "pip install 'tailbench[pipeline,data]'"
        )
    run()


if __name__ == "__main__":
    main()
