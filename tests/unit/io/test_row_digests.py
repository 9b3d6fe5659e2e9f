"""Digests of rows: the same for what processors change, another for other rows."""

import numpy as np
import pytest

from tailbench.io.row_digests import BITS, rows_digest

RNG = np.random.default_rng(0)
X = np.concatenate(
    [RNG.standard_cauchy((500, 3)), np.array([[1e6, -1e6, 0.0], [1e-300, 1.0, 2.0]])]
)


def test_last_digits_types_and_the_sign_of_zero_do_not_count():
    digest = rows_digest([X, X[:5]])
    nudged = X * (1 + 4 * np.finfo(float).eps * RNG.choice([-1, 0, 1], X.shape))
    assert (nudged != X).mean() > 0.4
    assert rows_digest([nudged, X[:5]]) == digest
    assert rows_digest([np.where(X == 0, -0.0, X), X[:5]]) == digest
    assert rows_digest([X.astype(np.float32).astype(float), X[:5]]) == rows_digest(
        [X.astype(np.float32), X[:5]]
    )
    assert rows_digest([np.array([1.0 - 2.0**-53])]) == rows_digest([np.array([1.0])])
    assert len(digest) == 16 and int(digest, 16) >= 0


@pytest.mark.parametrize("place", [(0, 0), (500, 1), (501, 0), (250, 2)])
def test_a_change_of_one_number_is_seen(place):
    other = X.copy()
    other[place] *= 1 + 2.0 ** (2 - BITS)
    assert rows_digest([other]) != rows_digest([X])


def test_order_and_shape_count():
    known = rows_digest([X])
    assert rows_digest([X[::-1]]) != known
    assert rows_digest([X.T]) != known and rows_digest([X.reshape(-1)]) != known
    assert rows_digest([X[:100], X[100:]]) != known
    assert rows_digest([np.empty((0, 2))]) != rows_digest([np.empty((0, 3))])
    assert rows_digest([-X]) != known
