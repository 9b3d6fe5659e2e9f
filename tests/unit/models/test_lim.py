"""LIM and LIM-ODE: the loss, the law of the start, units, and costs."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from tailbench.levy.schedules import lim_cosine
from tailbench.metrics.msle import MSLE
from tailbench.models.lim import LIM, LIMODESampling, LIMSampling
from tailbench.rng.streams import Streams
from tailbench.targets.alpha_stable import AlphaStable
from tailbench.training.context import SampleContext

CPU = torch.device("cpu")
TINY = {"train_steps": 12, "batch_size": 64, "width": 8, "num_blocks": 1, "validate_every": 6}
METHODS = ["lim", "lim_ode"]
KINDS = {
    "default": {},
    "gaussian": {"alpha": 2.0},
    "squared": {"alpha": 2.0, "loss": "squared"},
    "heavy": {"alpha": 1.2},
    "independent": {"isotropic": False},
}


@pytest.fixture(scope="module")
def trained(block):
    made = {}

    def get(kind="default"):
        if kind not in made:
            made[kind] = LIM(device="cpu", **TINY, **KINDS[kind]).fit(block, seed=5, verbose=False)
        return made[kind]

    return get


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", METHODS)
def test_every_kind_trains_and_samples(trained, kind, method):
    model = trained(kind)
    assert len(model.history) == 6 and all(np.isfinite(row["loss"]) for row in model.history)
    x = model.sample(300, method=method, sampling_steps=4, seed=0)
    assert x.shape == (2, 300, 2) and x.dtype == np.float64
    assert np.isfinite(x).all()


def test_sampling_leaves_the_model_as_it_was(trained):
    model = trained()
    state = {key: value.clone() for key, value in model.module.state_dict().items()}
    before = [model.sample(40, method=method, sampling_steps=4, seed=0) for method in METHODS]
    for steps in (1, 9, 30):
        for method in METHODS:
            model.sample(40, method=method, sampling_steps=steps, seed=0)
    for method, expected in zip(METHODS, before, strict=True):
        assert np.array_equal(model.sample(40, method=method, sampling_steps=4, seed=0), expected)
    for key, value in model.module.state_dict().items():
        assert torch.equal(value, state[key])


def test_methods(trained):
    model = trained()
    assert not np.allclose(
        model.sample(20, sampling_steps=4, seed=0),
        model.sample(20, method="lim_ode", sampling_steps=4, seed=0),
    )
    assert np.array_equal(
        model.sample(20, sampling_steps=4, seed=0),
        model.sample(20, method="lim", sampling_steps=4, seed=0),
    )
    with pytest.raises(ValueError, match=r"the lim has no method 'dlim' \(known: lim, lim_ode\)"):
        model.sample(5, method="dlim", seed=0)


@pytest.mark.parametrize("method", METHODS)
def test_the_first_samples_of_a_longer_draw_are_those_of_a_shorter(trained, method):
    for kind in ("default", "independent"):
        long, short = (
            trained(kind).sample(n, method=method, sampling_steps=3, seed=0) for n in (600, 300)
        )
        np.testing.assert_allclose(long[:, :300], short, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_a_seed_is_the_same_in_a_block(trained, block, method):
    alone = LIM(device="cpu", **TINY).fit(block[0], seed=5, verbose=False)
    found = trained().sample(20, method=method, sampling_steps=4, seed=0)
    assert np.array_equal(found[0], alone.sample(20, method=method, sampling_steps=4, seed=0))
    assert not np.isclose(found[0], found[1]).any()


def test_save_and_load(trained, tmp_path):
    trained("independent").save(tmp_path)
    loaded = LIM.load(tmp_path, device="cpu")
    assert loaded.settings == trained("independent").settings
    for method in METHODS:
        first, second = (
            m.sample(30, method=method, sampling_steps=4, seed=0)
            for m in (trained("independent"), loaded)
        )
        assert np.array_equal(first, second)


@pytest.mark.parametrize(
    "settings", [LIMSampling(sampling_steps=5), LIMODESampling(sampling_steps=5)]
)
def test_cost_is_one_evaluation_per_step(trained, watch, settings):
    model = trained()
    calls = watch(model)
    drawn = model.sample_block(40, settings, SampleContext([1, 2]))
    assert drawn.nfe == 5
    assert sum(x.shape[1] for x, _, _ in calls) == 5 * 40 * 2
    assert drawn.samples.shape == (2, 40, 2)


def test_steps_by_default():
    assert LIMSampling().sampling_steps == 100 and LIMODESampling().sampling_steps == 25


@pytest.mark.parametrize("method", METHODS)
def test_times_of_sampling(trained, watch, method):
    """They fall in equal steps from 0.9946 to 1e-5, where the network is not asked any more."""
    model = trained()
    calls = watch(model)
    model.sample(20, method=method, sampling_steps=4, seed=0)
    times = torch.linspace(0.9946, 1e-5, 5, dtype=torch.float64)[:4]
    expected = torch.stack(lim_cosine(1.7)(times), dim=1).tolist()
    for (_, gbar, sbar), level in zip(calls[:4], expected, strict=True):
        assert [gbar, sbar] == pytest.approx(level, rel=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_scaled_data_give_scaled_samples(block, trained, method):
    """By 2^20, about a million, which is exact in floating point: no size is special."""
    huge = 2.0**20
    other = LIM(device="cpu", **TINY).fit(huge * block, seed=5, verbose=False)
    expected = np.float32(huge) * trained().sample(50, method=method, sampling_steps=4, seed=0)
    assert np.array_equal(other.sample(50, method=method, sampling_steps=4, seed=0), expected)


def at_once(model, n, method, **options):
    """Samples that the network sees in one batch, as those of a benchmark."""
    settings = model.methods[method](**options)
    return model.sample_block(n, settings, SampleContext(range(model.num_seeds))).samples


def test_nothing_is_clamped(trained, watch):
    """Without noise to take away, the ODE only multiplies its start."""
    model = trained("heavy")
    calls = watch(model, lambda noise: lambda x, gbar, sbar: torch.zeros_like(x))
    found = at_once(model, 4000, "lim_ode", sampling_steps=1)
    location, scale = (model.constants[key][:, None].numpy() for key in ("location", "scale"))
    starts = np.stack([x[0].numpy() / gbar for x, gbar, _ in calls])
    np.testing.assert_allclose(found, location + scale * starts, rtol=1e-4, atol=1e-4)
    assert np.abs(starts).max() > 1e4


@pytest.mark.parametrize("method", METHODS)
def test_gaussian_noise_has_variance_two_in_training_and_sampling(trained, watch, method):
    """The start, each fresh kick of the SDE, and the noise that the network has learnt."""
    model, n = trained("gaussian"), 4000
    noise = model._noised(torch.zeros(2, n, 2), Streams([1, 2], CPU, "train"))[1]
    calls = watch(model, lambda noise: lambda x, gbar, sbar: torch.zeros_like(x))
    at_once(model, n, method, sampling_steps=2)
    (first, a0, sigma0), (second, a1, _) = calls[:2]
    drawn = {"training": noise, "start": first / sigma0}
    if method == "lim":
        ratio = a1 / a0
        drawn["kick"] = (second - ratio * first) / (ratio**2 - 1.0) ** 0.5
    for name, x in drawn.items():
        # the variance of 8,000 Gaussian numbers of variance 2 has standard error 0.032
        assert x[0].double().var().item() == pytest.approx(2.0, abs=0.15), name
        below = (x[0].abs() < 0.6744897501960817 * 2.0**0.5).double().mean().item()
        assert below == pytest.approx(0.5, abs=0.03), name
        assert x.abs().max().item() > 3.3 * 2.0**0.5, name


@pytest.mark.parametrize("alpha", [1.5, 2.0])
def test_loss_of_no_prediction(alpha):
    """The network stands for -epsilon / alpha: smooth L1, with its bend at one."""
    model = LIM(device="cpu", alpha=alpha)
    batch = torch.zeros(2, 500, 3)
    _, noise, _, _ = model._noised(batch, Streams([3, 4], CPU, "train"))
    error = (noise / alpha).abs()
    expected = torch.where(error < 1.0, 0.5 * error**2, error - 0.5).mean(dim=(1, 2))
    found = model._loss(lambda x, *_: torch.zeros_like(x), batch, Streams([3, 4], CPU, "train"))
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("kind", ["default", "squared"])
def test_loss_of_a_network(block, trained, kind):
    model = trained(kind)
    module, batch = model._select([0, 1]), torch.from_numpy(block[:, :100]).float()
    noisy, noise, gbar, sbar = model._noised(batch, Streams([3, 4], CPU, "train"))
    error = ((module(noisy, gbar, sbar) - noise) / model.settings.alpha).abs()
    each = torch.where(error < 1.0, 0.5 * error**2, error - 0.5)
    expected = (each if kind == "default" else error**2).mean(dim=(1, 2))
    found = model._loss(module, batch, Streams([3, 4], CPU, "train"))
    torch.testing.assert_close(found, expected)


def test_noise_levels_in_training(trained):
    """Times are uniform from 1e-5 to 0.9946: each of ten equal pieces gets its share."""
    n = 5000
    _, _, _, sbar = trained()._noised(torch.zeros(2, n, 2), Streams([1, 2], CPU, "train"))
    edges = lim_cosine(1.7)(torch.linspace(1e-5, 0.9946, 11, dtype=torch.float64))[1]
    assert bool((sbar >= edges[0] * 0.999).all()) and bool((sbar <= edges[-1] * 1.001).all())
    for levels in sbar:
        counts = torch.histogram(levels.flatten().double(), edges).hist
        assert float((counts - n / 10).abs().max()) < 5.0 * (n * 0.09) ** 0.5


@pytest.mark.parametrize("alpha", [0.8, 1.0, 2.1])
def test_alpha_out_of_range(alpha):
    with pytest.raises(ValidationError, match="alpha"):
        LIM(alpha=alpha)


@pytest.mark.parametrize("alpha", [1.7, 1.99])
def test_squared_errors_of_heavy_noise_have_no_mean(alpha):
    with pytest.raises(ValidationError, match="'squared' has no mean at alpha below 2"):
        LIM(alpha=alpha, loss="squared")


def test_a_sweep_is_sampled_point_by_point(trained):
    with pytest.raises(ValueError, match="one value per setting"):
        trained().sample(5, method="lim_ode", sampling_steps=[2, 4], seed=0)
    one, other = (trained().sample(5, sampling_steps=steps, seed=0) for steps in ([2], 2))
    assert np.array_equal(one, other)


def test_ode_learns_the_tails_of_stable_data():
    target = AlphaStable(alpha=1.7)
    x, fresh = (target.sample(5000, np.random.default_rng(seed)) for seed in (0, 1))
    model = LIM(device="cpu", train_steps=120, width=32, num_blocks=2).fit(x, verbose=False)
    made = model.sample(5000, method="lim_ode", seed=0).astype(float)
    found = MSLE().compare(made, fresh, target, np.random.default_rng(2))
    assert found["msle_norm"] < 0.15 and found["msle"] < 0.15
    upper = np.quantile(np.abs(made), 0.5, axis=0) / target.quantile([0.75])[:, 0]
    assert np.abs(upper - 1.0).max() < 0.35
