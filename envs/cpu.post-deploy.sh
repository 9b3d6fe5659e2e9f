#!/usr/bin/env bash
# Snakemake runs this in a new environment, from the folder of the workflow.
set -euo pipefail

if ! grep -qs '^name = "tailbench"' pyproject.toml; then
    echo "Run snakemake from the checkout of tailbench: $PWD is not one." >&2
    exit 1
fi
# conda-forge has an older torch-fidelity.
python -m pip install --no-deps "$(grep '^torch-fidelity==' requirements.lock)"
python -m pip install --no-deps --no-build-isolation --editable .
