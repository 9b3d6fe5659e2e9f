"""What a user of scikit-learn, NumPy and torch expects of every model, and once did not get."""

import copy
import json
import math
import pickle
import warnings

import numpy as np
import pytest
import scipy.sparse
import torch

from tailbench.exceptions import InputError, NotFittedError, TrainingDiverged, VersionWarning
from tailbench.io.checksums import seal
from tailbench.models.flow import Flow
from tailbench.models.flow_sgm import FlowSGM
from tailbench.models.gaussian import Gaussian
from tailbench.models.mvt import MVT
from tailbench.models.on_support import OnSupport
from tailbench.models.oracle_start import OracleStart
from tailbench.models.persistence import load_method
from tailbench.models.sgm import SGM
from tailbench.models.tarflow import TarFlow
from tailbench.training.trainer import Trainer
from toy_models import ToyGaussian

TINY = {"train_steps": 12, "batch_size": 64, "width": 8, "num_blocks": 1, "validate_every": 6}
TINY_FLOW = TINY | {"layers": 1, "bins": 4}
STEPS = {"sampling_steps": 3}


def data(n=300, seed=0):
    return np.random.default_rng(seed).standard_t(1.5, (n, 2))


def headline(**options):
    return FlowSGM(
        flow_settings=TINY_FLOW, sgm_settings=TINY, **{"sigma_T": 1.0, **STEPS, **options}
    )


def behind(device="cpu", **options):
    """A model behind a bound that is far from all data here."""
    flow = Flow(device=device, **TINY_FLOW)
    return OnSupport(flow, support={0: (-1e9, None)}, **options)


MODELS = {
    "flow": lambda **more: Flow(**TINY_FLOW, **more),
    "sgm": lambda **more: SGM(**TINY, **more),
    "flow_sgm": headline,
    "toy": ToyGaussian,
    "on_support": behind,
}


@pytest.fixture(params=MODELS)
def make(request):
    return MODELS[request.param]


def fitted(make, x=None, **options):
    return make(verbose=False, **options).fit(data() if x is None else x)


def draw(model, n=20, seed=0):
    return model.sample(n, seed=seed, **(STEPS if model.name == "sgm" else {}))


# fit


class Stopped(Exception):
    """Somebody has pressed a key."""


@pytest.mark.parametrize("after", [0, 1])
def test_a_fit_that_is_interrupted_leaves_the_model_as_it_was(make, after, monkeypatch):
    """Also where one of two parts has been trained by then."""
    model = fitted(make)
    before, calls, run, fit_one = draw(model), [], Trainer.run, ToyGaussian.fit_one

    def stop(original):
        def stopping(*arguments):
            calls.append(1)
            if len(calls) > (after if model.name == "flow_sgm" else 0):
                raise Stopped
            return original(*arguments)

        return stopping

    monkeypatch.setattr(Trainer, "run", stop(run))
    monkeypatch.setattr(ToyGaussian, "fit_one", stop(fit_one))
    with pytest.raises(Stopped):
        model.fit(1000.0 + 50.0 * data(seed=1))
    monkeypatch.undo()
    assert len(calls) == (after if model.name == "flow_sgm" else 0) + 1
    assert np.array_equal(draw(model), before)


def test_bad_data_leave_the_model_as_it_was(make):
    model = fitted(make)
    before = draw(model)
    with pytest.raises(InputError, match="column 1 of the data is constant"):
        model.fit(data() * [1.0, 0.0])
    assert np.array_equal(draw(model), before)


def test_the_parts_of_a_user_are_not_trained_by_a_fit_of_the_whole():
    flow, sgm = Flow(verbose=False, **TINY_FLOW), SGM(verbose=False, **TINY)
    FlowSGM(flow, sgm, sigma_T=1.0, verbose=False).fit(data())
    for part in (flow, sgm):
        with pytest.raises(NotFittedError, match="has not been fitted"):
            part.sample(3)


def test_callbacks_see_the_history_and_can_end_the_training(make):
    rows = []
    model = make(verbose=False).fit(data(), callback=rows.append)
    if model.name == "toy_gaussian":
        assert rows == []
        return
    steps = [(row["label"].rpartition("/")[2], row["step"]) for row in rows]
    parts = ["flow-0", "sgm"] if model.name == "flow_sgm" else [model.name]
    assert steps == [(part, step) for part in parts for step in (1, 6, 12)]
    assert all(math.isfinite(row["val_loss"]) for row in rows)
    before = draw(model)

    def stop(row):
        raise Stopped

    with pytest.raises(Stopped):
        model.fit(data(seed=1), callback=stop)
    assert np.array_equal(draw(model), before)


def test_verbose_of_the_constructor_and_of_fit(make, capfd):
    fitted(make)
    quiet = capfd.readouterr()
    assert quiet.out + quiet.err == ""
    make(verbose=False).fit(data(), verbose=True)
    shown = capfd.readouterr()
    assert shown.out + shown.err
    make().fit(data(), verbose=False)
    quiet = capfd.readouterr()
    assert quiet.out + quiet.err == ""


@pytest.mark.parametrize("name", ["flow", "sgm", "flow_sgm"])
def test_a_warm_start_continues(name):
    """In the units of the first fit, and from its best parameters."""
    x = data()
    model = MODELS[name](verbose=False, warm_start=True).fit(x)
    parts = [model] if name != "flow_sgm" else [*model.flows.values(), model.sgm]
    first = [part.history[-1] for part in parts]
    kept = [part.constants["location"].clone() for part in parts]
    best = [min(row["val_loss"] for row in part.history) for part in parts]
    model.fit(x + 0.1)
    again = [model] if name != "flow_sgm" else [*model.flows.values(), model.sgm]
    for part, last, location, least in zip(again, first, kept, best, strict=True):
        assert torch.equal(part.constants["location"], location)
        rows = part.history[3:]
        assert [row["step"] for row in rows] == [last["step"] + step for step in (1, 6, 12)]
        assert abs(rows[0]["val_loss"] - least) < 0.2 * (1 + abs(least))
        assert len(part.history_) == 6


@pytest.mark.parametrize("name", ["flow", "sgm"])
def test_a_warm_start_of_another_network_is_refused(name):
    model = fitted(MODELS[name], warm_start=True)
    before = draw(model)
    with pytest.raises(InputError, match="another network"):
        model.set_params(width=16).fit(data())
    assert np.array_equal(draw(model), before)
    model.set_params(width=8)
    for columns in ([0], [0, 1, 0]):
        with pytest.raises(InputError, match="1 seeds of 2 columns, and the data have 1 of "):
            model.fit(data()[:, columns] + 0.0)
    model.set_params(width=16, warm_start=False).fit(data()[:, :1])
    assert draw(model).shape == (20, 1)


# what is taken for data and numbers


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x[::-1][::-1],
        lambda x: np.asfortranarray(x)[:, ::-1][:, ::-1],
        lambda x: np.repeat(x, 2, axis=0)[::2],
        lambda x: torch.tensor(x, requires_grad=True),
        lambda x: np.ma.masked_array(x, mask=False),
        lambda x: x.astype(object),
        lambda x: x.tolist(),
        lambda x: np.frombuffer(x.tobytes()).reshape(x.shape),
    ],
    ids=["rows", "columns", "strided", "tensor", "masked", "object", "lists", "read-only"],
)
def test_any_table_of_the_same_numbers_gives_the_same_model(make, change):
    x = data()
    model, same = fitted(make, x), fitted(make, change(x))
    np.testing.assert_allclose(draw(same), draw(model), rtol=1e-5)


def test_a_table_backwards(make):
    x = data()
    assert np.array_equal(draw(fitted(make, x[::-1])), draw(fitted(make, x[::-1].copy())))
    assert np.array_equal(draw(fitted(make, x[:, ::-1])), draw(fitted(make, x[:, ::-1].copy())))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda x: np.ma.masked_greater(x, 1.0), "masked values"),
        (lambda x: x + 1j, "Complex data not supported"),
        (lambda x: scipy.sparse.csr_array(x), "sparse data are not supported"),
        (lambda x: x[:, :0], r"0 feature\(s\)"),
        (lambda x: x[:1], "n_samples=1"),
        (lambda x: np.where(x == x[3, 1], np.nan, x), "NaN or infinity: column 1, row 3"),
    ],
)
def test_data_that_are_refused(make, spoil, message):
    with pytest.raises(InputError, match=message):
        make(verbose=False).fit(spoil(data()))


def test_numbers_of_numpy(make):
    model = make(verbose=False).fit(data(), seed=np.int64(0))
    assert np.array_equal(model.sample(np.int32(5), seed=np.uint8(0)), draw(model, 5)) or (
        model.name == "sgm"  # of more steps
    )
    with pytest.raises(InputError, match="at least 0, not -1"):
        model.sample(-1)
    with pytest.raises(TypeError):
        model.sample(2.5)
    flow = Flow(verbose=False, **{**TINY_FLOW, "width": np.int64(8), "bins": np.int16(4)})
    assert np.array_equal(draw(flow.fit(data())), draw(fitted(MODELS["flow"])))


def test_what_torch_is_set_to_does_not_count(make):
    expected = draw(fitted(make))
    with torch.no_grad():
        assert np.array_equal(draw(fitted(make)), expected)
    with torch.inference_mode():
        assert np.array_equal(draw(fitted(make)), expected)
    torch.set_default_dtype(torch.float64)
    try:
        model = fitted(make)
        assert np.array_equal(draw(model), expected)
        assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)


def test_a_model_is_loaded_where_double_precision_is_the_default(make, tmp_path):
    model = fitted(make)
    model.save(tmp_path)
    torch.set_default_dtype(torch.float64)
    try:
        loaded = type(model).load(tmp_path)
        assert np.array_equal(draw(loaded), draw(model))
    finally:
        torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("device", [None, "cpu", torch.device("cpu")])
def test_devices(make, device, tmp_path):
    model = fitted(make, device=device)
    model.save(tmp_path)
    assert np.array_equal(draw(type(model).load(tmp_path, device=device)), draw(model))


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_are_models_of_their_own(make, duplicate):
    model = fitted(make)
    before, twin = draw(model), duplicate(model)
    assert np.array_equal(draw(twin), before)
    assert twin.get_params().keys() == model.get_params().keys()
    twin.fit(5.0 + data(seed=1))
    assert not np.array_equal(draw(twin), before) and np.array_equal(draw(model), before)
    untrained = duplicate(type(model)(**model.get_params(deep=False)))
    with pytest.raises(NotFittedError):
        untrained.sample(3)


# sample


def test_each_call_draws_others_unless_it_is_seeded(make):
    model = fitted(make)
    first, second, third = (model.sample(30, **options(model)) for _ in range(3))
    assert not (np.isclose(first, second).any() or np.isclose(second, third).any())
    assert np.array_equal(first, draw(model, 30)), "the first draw of a fresh model is of seed 0"
    assert np.array_equal(draw(model, 30, 4), draw(model, 30, 4))
    model.fit(data())
    assert np.array_equal(model.sample(30, **options(model)), first)


def options(model):
    return STEPS if model.name == "sgm" else {}


def test_random_state(make):
    """A number seeds every call; a generator gives each call a seed of its own."""
    one, two = (fitted(make, random_state=7) for _ in range(2))
    x = one.sample(20, **options(one))
    assert np.array_equal(x, one.sample(20, **options(one)))
    assert np.array_equal(x, two.sample(20, **options(one)))
    assert np.array_equal(x, draw(make(verbose=False).fit(data(), seed=7), seed=7))
    for kind in (np.random.default_rng, np.random.RandomState):
        one, two = (fitted(make, random_state=kind(3)) for _ in range(2))
        x, y = (one.sample(20, **options(one)) for _ in range(2))
        assert not np.isclose(x, y).any()
        assert np.array_equal(x, two.sample(20, **options(one)))
    with pytest.raises(TypeError):
        make(verbose=False, random_state="7").fit(data())


@pytest.fixture(scope="module")
def wide():
    """Models of so many columns that the products of matrices are rounded in several ways."""
    x = np.random.default_rng(0).standard_t(3, (400, 20))
    size = {"train_steps": 3, "verbose": False}
    flow, sgm = Flow(**size).fit(x), SGM(**size).fit(x)
    return {
        "flow": flow,
        "sgm": sgm,
        "flow_sgm": FlowSGM(flow, sgm, prefit=True, sigma_T=1.0, sampling_steps=2),
        "oracle_start": OracleStart(sgm, held_out=x, prefit=True, sigma_T=1.0, sampling_steps=2),
        "tarflow": TarFlow(layers=1, depth=1, width=16, **size).fit(x),
        "toy": ToyGaussian(verbose=False).fit(x),
        "on_support": OnSupport(
            MVT(verbose=False), support="auto", atoms="auto", verbose=False
        ).fit(np.concatenate([np.abs(x[:, :10]), np.minimum(x[:, 10:], 1.0)], axis=1)),
    }


@pytest.mark.parametrize(
    "name", ["flow", "sgm", "flow_sgm", "oracle_start", "tarflow", "toy", "on_support"]
)
def test_the_first_samples_of_a_longer_draw_are_those_of_a_shorter_to_the_bit(wide, name):
    model, more = wide[name], {"sampling_steps": 2} if name == "sgm" else {}
    whole = model.sample(4200, seed=1, **more)
    for n in (0, 1, 2, 3, 7, 255, 256, 257, 600, 1025, 4095, 4096, 4097):
        assert np.array_equal(model.sample(n, seed=1, **more), whole[:n]), n


def test_a_model_of_fitted_parts_samples_as_they_do():
    x = data()
    flow, sgm = fitted(MODELS["flow"], x), fitted(MODELS["sgm"], x)
    model = FlowSGM(flow, sgm, prefit=True, sigma_T=1.0, **STEPS)
    assert model.sample(5).shape == (5, 2)
    start = OracleStart(sgm, held_out=x, prefit=True, sigma_T=1.0, **STEPS)
    assert start.sample(5).shape == (5, 2)
    block = np.stack([x, x])
    flow, sgm = fitted(MODELS["flow"], block), fitted(MODELS["sgm"], block)
    assert FlowSGM(flow, sgm, prefit=True, sigma_T=1.0, **STEPS).sample(5).shape == (2, 5, 2)


def test_attributes_of_a_fit():
    model = headline(sigma_T="auto", sigma_T_grid=(0.5, 2.0), verbose=False)
    for name in ("n_features_in_", "feature_names_in_", "sigma_T_"):
        assert not hasattr(model, name)
    model.fit(data())
    assert model.n_features_in_ == 2 and model.sigma_T_ == model.tuned.chosen
    assert not hasattr(model, "feature_names_in_")
    assert headline(sigma_T=1.5, verbose=False).fit(data()).sigma_T_ == [1.5]


# density


@pytest.fixture(scope="module")
def densities():
    x = data(500)
    return {
        "flow": Flow(tails="ttf", verbose=False, **TINY_FLOW).fit(x),
        "light": Flow(tails="none", verbose=False, **TINY_FLOW).fit(x),
        "student": Flow(tails="student_learned", verbose=False, **TINY_FLOW).fit(x),
        "tarflow": TarFlow(layers=1, depth=1, width=8, train_steps=3, verbose=False).fit(x),
        "gaussian": Gaussian(verbose=False).fit(x),
        "mvt": MVT(verbose=False).fit(x),
    }


NAMES = ["flow", "light", "student", "tarflow", "gaussian", "mvt"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((5,), "have the shape"),
        ((5, 1), r"X has 1 features, but \w+ is expecting 2 features as input"),
        ((5, 3), "X has 3 features"),
        ((3, 5, 2), "has 1 seeds"),
        ((1, 1, 5, 2), "have the shape"),
    ],
)
def test_rows_of_another_shape_have_no_density(densities, name, shape, message):
    with pytest.raises(InputError, match=message):
        densities[name].log_prob(np.zeros(shape))


@pytest.mark.parametrize("name", NAMES)
def test_densities_are_numbers_wherever_a_number_is(densities, name):
    """Minus infinity where the logarithm is below all numbers, but never NaN."""
    far = 10.0 ** np.array([0, 10, 30, 100, 153, 200, 307])
    rows = np.concatenate([np.stack([s * far, t * far], 1) for s in (-1, 0, 1) for t in (-1, 0, 1)])
    values = densities[name].log_prob(rows)
    assert values.shape == (len(rows),) and values.dtype == np.float64
    assert not np.isnan(values).any() and np.isfinite(values[np.abs(rows).max(1) <= 1e100]).all()
    for bad in (np.nan, np.inf, -np.inf):
        with pytest.raises(InputError, match="NaN or infinity"):
            densities[name].log_prob([[0.0, bad]])
    assert np.array_equal(densities[name].log_prob(rows[::-1]), values[::-1])
    assert densities[name].log_prob(rows[:0]).shape == (0,)


def test_a_density_far_out_falls_by_its_tail_index(densities):
    """p(x) ~ x^{-1 - 1/lambda}: from 1e100 to 1e200, of the learned tail."""
    model = densities["flow"]
    index = model.info["tails"]["per_seed"][0][0]["lambda"]
    near, far = model.log_prob([[1e100, 0.0], [1e200, 0.0]])
    slope = (far - near) / (100 * math.log(10.0))
    assert slope == pytest.approx(-1.0 - 1.0 / index, rel=1e-3)


@pytest.mark.parametrize("name", ["flow", "light", "student", "gaussian", "mvt"])
def test_an_offset_of_a_thousand_million_leaves_the_density(name):
    make = {
        "flow": lambda: Flow(tails="ttf", verbose=False, **TINY_FLOW),
        "light": lambda: Flow(tails="none", verbose=False, **TINY_FLOW),
        "student": lambda: Flow(tails="student", verbose=False, **TINY_FLOW),
        "gaussian": lambda: Gaussian(verbose=False),
        "mvt": lambda: MVT(verbose=False),
    }[name]
    offset = np.array([2.0**30, -(2.0**30)])
    far = data(500) + offset
    near = far - offset  # of what the sum could keep
    moved, still = (make().fit(x).log_prob(x) for x in (far, near))
    np.testing.assert_allclose(moved, still, rtol=1e-3, atol=1e-3)


def test_the_density_of_a_gaussian():
    from scipy.stats import multivariate_normal

    x = np.random.default_rng(3).standard_normal((400, 3)) @ np.tri(3) * [1.0, 1e-6, 1e6] + 5.0
    expected = multivariate_normal(x.mean(0), np.cov(x.T), allow_singular=True).logpdf(x[:9])
    model = Gaussian(verbose=False).fit(x)
    exact = multivariate_normal(np.zeros(3), np.corrcoef(x.T))
    z = (x[:9] - x.mean(0)) / x.std(0, ddof=1)
    expected = exact.logpdf(z) - np.log(x.std(0, ddof=1)).sum()
    np.testing.assert_allclose(model.log_prob(x[:9]), expected, rtol=1e-9)
    assert model.score(x[:9]) == pytest.approx(expected.mean())
    assert np.array_equal(model.score_samples(x[:9]), model.log_prob(x[:9]))
    twice = Gaussian(verbose=False).fit(np.stack([x[:, 0], x[:, 0]], axis=1))
    with pytest.raises(InputError, match="singular"):
        twice.log_prob(x[:, :2])


def test_models_without_a_density_say_so_by_having_none():
    for name in ("score_samples", "log_prob", "score"):
        assert not hasattr(ToyGaussian(), name)


# files


def test_a_damaged_model_is_not_for_a_user_to_delete(make, tmp_path):
    fitted(make).save(tmp_path)
    damaged = max(tmp_path.rglob("*.safetensors"))
    damaged.write_bytes(damaged.read_bytes() + b" ")
    with pytest.raises(InputError, match=r"is corrupt.*; restore it from a copy, or train") as own:
        make().load(tmp_path)
    assert str(damaged) in str(own.value) and "delete" not in str(own.value)


def test_in_a_workflow_a_damaged_model_is_made_again(tmp_path):
    fitted(MODELS["flow"]).save(tmp_path)
    damaged = tmp_path / "model.safetensors"
    damaged.write_bytes(damaged.read_bytes() + b" ")
    with pytest.raises(InputError, match="delete it and rerun"):
        load_method("flow", {"model": [tmp_path]})


def change_spec(folder, **changes):
    path = folder / "spec.json"
    spec = json.loads(path.read_text())
    path.write_text(json.dumps({**spec, **changes}))
    seal(folder, ["model.safetensors", "history.csv", "spec.json"])
    return spec


@pytest.mark.parametrize("name", ["flow", "toy"])
def test_a_model_of_another_version_is_loaded_with_a_warning(name, tmp_path):
    model = fitted(MODELS[name])
    model.save(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.array_equal(draw(type(model).load(tmp_path)), draw(model))
    change_spec(tmp_path, versions={"tailbench": "0.0.1"})
    with pytest.warns(VersionWarning, match=r"saved by tailbench 0\.0\.1"):
        loaded = type(model).load(tmp_path)
    assert np.array_equal(draw(loaded), draw(model))


@pytest.mark.parametrize("name", ["flow", "toy"])
def test_a_model_of_settings_that_are_not_known_is_refused(name, tmp_path):
    model = fitted(MODELS[name])
    model.save(tmp_path)
    change_spec(tmp_path, settings={**model.settings.model_dump(mode="json"), "speed": 3})
    with pytest.raises(InputError, match=r"saved by tailbench .* cannot read its setting 'speed'"):
        type(model).load(tmp_path)


# advice


def far():
    """Losses of which the farthest is 6e37 times the median."""
    return np.exp(2.0 * np.random.default_rng(0).standard_t(3, (3000, 3)))


@pytest.mark.parametrize("settings", [{}, {"learning_rate": 1e-5}, {"clip_norm": 1e-4}])
def test_the_advice_where_training_diverges_is_not_what_does_not_help(settings):
    with pytest.raises(TrainingDiverged, match="margins: 'tail' or 'softlog'") as caught:
        SGM(verbose=False, **TINY, **settings).fit(far())
    assert "clip_norm" not in str(caught.value) and "learning_rate" not in str(caught.value)


@pytest.mark.parametrize("margins", ["tail", "softlog"])
def test_the_advice_where_training_diverges_helps(margins):
    model = SGM(verbose=False, margins=margins, **TINY).fit(far())
    assert all(math.isfinite(row["val_loss"]) for row in model.history_)
