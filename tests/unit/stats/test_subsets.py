import numpy as np

from tailbench.stats.subsets import thinned


def test_rows_are_drawn_once_each_and_few_rows_stay():
    x = np.arange(40.0).reshape(20, 2)
    some = thinned(x, 15, np.random.default_rng(0))
    assert some.shape == (15, 2) and len(np.unique(some, axis=0)) == 15
    assert (some[:, 1] - some[:, 0] == 1).all()
    assert thinned(x, 20, np.random.default_rng(0)) is x
