"""Where the contract tests compute, and how far results may differ there: all of it is here.

``TAILBENCH_TEST_DEVICE=cuda pytest tests/contract`` runs them on a GPU. On a CPU, the default, what
is to be the same is the same to the last bit. A GPU adds in an order of its own, rounds the
matrices of Muon to bfloat16 and, in convolutions, to TF32: there results may differ by
``ROUNDING``.
"""

import os

import numpy as np

DEVICE = os.environ.get("TAILBENCH_TEST_DEVICE", "cpu")
EXACT = DEVICE == "cpu"
ROUNDING = {
    "evaluated": 1e-3,  # one trained model, on another device or in other company
    "trained": 5e-2,  # trained again, in other company or from a checkpoint
    "steps": 5e-4 if EXACT else 5e-3,  # parameters after a few steps on the same random numbers
    "unet": 3e-2,  # the loss of a U-Net in bfloat16
    "bfloat16": 1e-1,  # of the norm of a matrix that Muon has orthogonalised
}
"""Largest difference, as a share of the values and of their usual size."""


def same(found, wanted, rounding="evaluated"):
    """Say whether two arrays are the same: to the last bit, or on a GPU up to rounding."""
    found, wanted = np.asarray(found), np.asarray(wanted)
    return np.array_equal(found, wanted) if EXACT else near(found, wanted, rounding)


def near(found, wanted, rounding):
    """Say whether two arrays differ by no more than a rounding."""
    found, wanted, most = np.asarray(found), np.asarray(wanted), ROUNDING[rounding]
    usual = np.median(np.abs(wanted - np.median(wanted))) if wanted.size else 0.0
    return found.shape == wanted.shape and np.allclose(found, wanted, most, most * usual)
