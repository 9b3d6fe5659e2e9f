"""The exact score in the place of the network, and exact starts for a trained one."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from tailbench import Oracle, OracleStart
from tailbench.data import DataShape
from tailbench.exceptions import InputError
from tailbench.models.held_out import held_out_block, start_rows
from tailbench.models.oracle import OracleSampling
from tailbench.models.oracle_start import OracleStartSampling
from tailbench.models.sgm import SGM
from tailbench.rng.seeds import seed_for
from tailbench.rng.streams import IndexedStreams
from tailbench.targets.alpha_stable import AlphaStable
from tailbench.targets.base import BaseTarget
from tailbench.targets.gmm import GMM
from tailbench.training.context import SampleContext

GAUSSIAN = AlphaStable(alpha=2.0, scale=3.0, dim=3)  # N(0, 18 I)


@pytest.fixture(scope="module")
def data():
    return GAUSSIAN.sample(500, np.random.default_rng(0)) + 0.0


@pytest.fixture(scope="module")
def rows():
    return GAUSSIAN.sample(300, np.random.default_rng(1)).astype(np.float32)


def scales(oracle):
    return (oracle._exact.constants[key].numpy()[0] for key in ("location", "scale"))


@pytest.mark.parametrize(("sampler", "steps"), [("heun", 100), ("dpmpp_2m", 200), ("euler", 3000)])
def test_of_gaussian_data_the_flow_is_a_line(data, sampler, steps):
    r"""With variance v the flow from noise level S to s is x -> sqrt((v + s^2)/(v + S^2)) x."""
    oracle = Oracle(GAUSSIAN, sigma_max=20.0, sigma_min=0.1).fit(data)
    found = oracle.sample(100, sampler=sampler, sampling_steps=steps)
    location, scale = scales(oracle)
    seed = seed_for("sample", 0, 0)
    noise = IndexedStreams([seed], 0, 100, 3, torch.device("cpu")).randn()[0].double().numpy()
    start = location + scale * 20.0 * noise
    ratio = np.sqrt((18.0 + (0.1 * scale) ** 2) / (18.0 + (20.0 * scale) ** 2))
    np.testing.assert_allclose(found, ratio * start, rtol=0.01, atol=0.01)


def test_the_draws_are_those_of_the_score_model(data):
    """One short step changes next to nothing: both models give their common start."""
    sgm = SGM(train_steps=1, width=4, num_blocks=0, device="cpu").fit(data, verbose=False)
    near = {"sampling_steps": 1, "sampler": "euler", "sigma_max": 80.0, "sigma_min": 79.999}
    learned, exact = (m.sample(40, **near) for m in (sgm, Oracle(GAUSSIAN).fit(data)))
    np.testing.assert_allclose(learned, exact, rtol=1e-2, atol=0.5)


@pytest.mark.parametrize("cls", [Oracle, OracleStart])
def test_held_out_data_with_almost_no_noise_stay_what_they_are(data, rows, cls):
    options = {"sigma_T": 2e-4, "sigma_min": 1e-4, "sampling_steps": 1}
    if cls is Oracle:
        model = Oracle(GAUSSIAN, held_out=rows, start="data", **options)
    else:
        small = {"train_steps": 2, "width": 4, "num_blocks": 0}
        model = OracleStart(model_settings=small, held_out=rows, device="cpu", **options)
    found = model.fit(data, verbose=False).sample(300)
    np.testing.assert_allclose(found, rows, atol=0.02)


def test_noised_held_out_data_keep_their_law_through_the_sampler(data):
    """From the exact law at any level, exact steps lead to the exact law."""
    oracle = Oracle(GAUSSIAN, start="data", sigma_T=1.0, sigma_min=0.01).fit(data)
    for level in (0.5, 5.0):
        found = oracle.sample(4000, sigma_T=level, sampling_steps=20).astype(float)
        assert found.std(axis=0) == pytest.approx([18.0**0.5] * 3, rel=0.05)
        assert oracle.sample(10, sigma_T=level).shape == (10, 3)


def test_each_row_is_used_once_before_any_is_used_twice():
    rows = np.arange(20.0).reshape(10, 2)
    assert np.array_equal(start_rows(rows, 7, 0), rows[:7])
    assert np.array_equal(start_rows(rows, 10, 0), rows)
    more = start_rows(rows, 40, 0)
    assert np.array_equal(more[:10], rows)
    assert {tuple(row) for row in more.tolist()} == {tuple(row) for row in rows.tolist()}
    assert np.array_equal(start_rows(rows, 25, 0), more[:25])
    assert not np.array_equal(start_rows(rows, 40, 1), more)


def test_pixels_are_numbers():
    assert start_rows(np.array([[0, 255]], np.uint8), 1, 0).tolist() == [[-1.0, 1.0]]


def test_one_table_of_held_out_data_serves_all_seeds():
    table = np.zeros((4, 2))
    assert len(held_out_block(table, 3)) == 3
    assert len(held_out_block(np.zeros((3, 4, 2)), 3)) == 3
    with pytest.raises(ValueError, match="held-out data of 3 seeds"):
        held_out_block(np.zeros((2, 4, 2)), 3)


@pytest.mark.parametrize(
    ("sampler", "nfe"), [("heun", 14), ("dpmpp_2m", 7), ("euler", 7), ("sde", 7)]
)
def test_evaluations_and_noise_levels_are_told(data, rows, sampler, nfe):
    oracle = Oracle(GAUSSIAN).fit(np.stack([data, data]))
    oracle.held_out = rows
    context = SampleContext([1, 2])
    options = {"sampler": sampler, "sampling_steps": 7}
    drawn = oracle.sample_block(5, OracleSampling(**options), context)
    assert drawn.nfe == nfe and drawn.extra == {}
    from_data = OracleSampling(start="data", sigma_T=2.0, **options)
    drawn = oracle.sample_block(5, from_data, context)
    assert drawn.nfe == nfe and drawn.extra == {"sigma_T": [2.0, 2.0]}


def test_what_is_needed():
    assert OracleSampling().needs == {"train", "target"}
    assert OracleSampling(start="data", sigma_T=1.0).needs == {"train", "target", "floor"}
    assert OracleStartSampling().needs == {"floor"}


def test_supplied_it_is_as_fitted(data, rows):
    fitted = Oracle(GAUSSIAN, held_out=rows).fit(data)
    supplied = Oracle.assemble({})
    supplied.supply({"target": GAUSSIAN, "train": [data], "floor": [rows]})
    options = OracleSampling(start="data", sigma_T=1.0, sampling_steps=3)
    one, other = (m.sample_block(9, options, SampleContext([4])) for m in (fitted, supplied))
    assert np.array_equal(one.samples, other.samples)
    with pytest.raises(NotImplementedError, match="SGM needs no data"):
        SGM().supply({})


@pytest.mark.parametrize(
    "options",
    [
        {"start": "data"},
        {"sigma_T": 1.0},
        {"sigma_T": (1.0, 2.0)},
        {"sigma_max": 0.001},
        {"start": "data", "sigma_T": (0.004, 2.0)},
        {"start": "flow"},
        {"sampler": "sde", "churn": 0.1},
    ],
)
def test_settings_that_do_not_go_together(options):
    with pytest.raises(ValidationError):
        OracleSampling(**options)


def test_a_level_below_the_last_one():
    with pytest.raises(ValidationError, match="sigma_min must be below every sigma_T"):
        OracleStartSampling(sigma_T=(2.0, 0.001))


def test_cost_grows_with_evaluations_and_columns():
    few, many = OracleSampling(sampling_steps=8), OracleSampling(sampling_steps=[8, 24])
    assert many.own_operations(DataShape(9, 2)) == 4 * few.own_operations(DataShape(9, 2))
    assert few.own_operations(DataShape(9, 20)) > few.own_operations(DataShape(9, 2)) > 0
    one = OracleSampling(sampling_steps=8, sampler="euler")
    assert few.own_operations(DataShape(9, 2)) == 2 * one.own_operations(DataShape(9, 2))


class Unknown(BaseTarget):
    """A law of which nothing is known."""

    name = "unknown"
    dim = 3


def test_targets_that_will_not_do(data, tmp_path):
    with pytest.raises(InputError, match="the oracle needs the target"):
        Oracle().fit(data)
    with pytest.raises(InputError, match="the data have 3 columns, and the target 40"):
        Oracle(GMM()).fit(data)
    with pytest.raises(InputError, match="the target 'unknown' has no exact noised score"):
        Oracle(Unknown()).fit(data)
    oracle = Oracle(GAUSSIAN).fit(data)
    oracle.target = Unknown()
    with pytest.raises(InputError, match="cannot be saved by name"):
        oracle.save(tmp_path)


def test_a_score_model_without_a_start(data):
    sgm = SGM(train_steps=1, width=4, num_blocks=0, device="cpu").fit(data, verbose=False)
    with pytest.raises(RuntimeError, match="held-out data are required"):
        OracleStart(sgm, prefit=True).fit(data).sample(3)
