"""DLPM and DLIM: the loss, what sampling leaves as it was, units, and costs."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from tailbench.levy.noise import StableNoise
from tailbench.levy.schedules import cosine, exploding
from tailbench.metrics.msle import MSLE
from tailbench.models.dlpm import DLPM, DLIMSampling, DLPMSampling
from tailbench.rng.streams import IndexedStreams, Streams
from tailbench.stats.stable import stable_quantiles
from tailbench.targets.alpha_stable import AlphaStable
from tailbench.training.context import SampleContext

CPU = torch.device("cpu")
TINY = {"train_steps": 12, "batch_size": 64, "width": 8, "num_blocks": 1, "validate_every": 6}
METHODS = [
    ("dlpm", {"sampling_steps": 4}),
    ("dlim", {"sampling_steps": 3}),
    ("dlim", {"sampling_steps": 3, "rho": 0.6}),
]
KINDS = {
    "default": {},
    "gaussian": {"alpha": 2.0},
    "squared": {"alpha": 2.0, "loss": "squared"},
    "heavy": {"alpha": 1.2},
    "dlpm_5": {"median_of_means": 5},
    "independent": {"isotropic": False},
    "exploding": {"noise_schedule": "scale_exploding", "sigma_max": 20.0},
}


def schedule_of(kind):
    """The noise schedule that the settings of a kind stand for."""
    alpha = KINDS[kind].get("alpha", 1.7)
    return exploding(0.002, 20.0) if kind == "exploding" else cosine(alpha)


@pytest.fixture(scope="module")
def trained(block):
    made = {}

    def get(kind="default"):
        if kind not in made:
            made[kind] = DLPM(device="cpu", **TINY, **KINDS[kind]).fit(block, seed=5, verbose=False)
        return made[kind]

    return get


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_trains_and_samples(trained, kind):
    model = trained(kind)
    assert len(model.history) == 6 and all(np.isfinite(row["loss"]) for row in model.history)
    for method, options in METHODS:
        x = model.sample(300, method=method, seed=0, **options)
        assert x.shape == (2, 300, 2) and x.dtype == np.float64
        assert np.isfinite(x).all()


def test_sampling_leaves_the_model_as_it_was(trained):
    """Whatever the numbers of steps and the methods in between."""
    model = trained()
    state = {key: value.clone() for key, value in model.module.state_dict().items()}
    settings = model.settings.model_dump()
    before = [model.sample(40, method=method, seed=0, **options) for method, options in METHODS]
    for steps in (1, 9, 30):
        for method in ("dlpm", "dlim"):
            model.sample(40, method=method, sampling_steps=steps, seed=0)
    after = [model.sample(40, method=method, seed=0, **options) for method, options in METHODS]
    for first, second in zip(before, after, strict=True):
        assert np.array_equal(first, second)
    assert model.settings.model_dump() == settings
    for key, value in model.module.state_dict().items():
        assert torch.equal(value, state[key])


def test_methods(trained):
    model = trained()
    assert not np.allclose(
        model.sample(20, sampling_steps=4, seed=0),
        model.sample(20, method="dlim", sampling_steps=4, seed=0),
    )
    assert np.array_equal(
        model.sample(20, sampling_steps=4, seed=0),
        model.sample(20, method="dlpm", sampling_steps=4, seed=0),
    )
    with pytest.raises(ValueError, match=r"the dlpm has no method 'ddim' \(known: dlpm, dlim\)"):
        model.sample(5, method="ddim", seed=0)
    with pytest.raises(ValidationError, match="rho"):
        model.sample(5, method="dlpm", rho=0.5, seed=0)


def test_dlim_is_deterministic_but_for_its_share_of_fresh_noise(trained):
    model = trained()
    still, none, some = (
        model.sample(20, method="dlim", sampling_steps=4, seed=0, **options)
        for options in ({}, {"rho": 0.0}, {"rho": 0.5})
    )
    assert np.array_equal(still, none)
    assert not np.allclose(still, some)


@pytest.mark.parametrize("method", ["dlpm", "dlim"])
def test_the_first_samples_of_a_longer_draw_are_those_of_a_shorter(trained, method):
    for kind in ("default", "independent"):
        long, short = (
            trained(kind).sample(n, method=method, sampling_steps=3, seed=0) for n in (600, 300)
        )
        np.testing.assert_allclose(long[:, :300], short, rtol=1e-4, atol=1e-5)


def test_a_seed_is_the_same_in_a_block(trained, block):
    alone = DLPM(device="cpu", **TINY).fit(block[0], seed=5, verbose=False)
    for method, options in METHODS:
        found = trained().sample(20, method=method, seed=0, **options)
        assert np.array_equal(found[0], alone.sample(20, method=method, seed=0, **options))
        assert not np.isclose(found[0], found[1]).any()


@pytest.mark.parametrize("kind", ["default", "independent"])
def test_save_and_load(trained, kind, tmp_path):
    model = trained(kind)
    model.save(tmp_path)
    loaded = DLPM.load(tmp_path, device="cpu")
    assert loaded.settings == model.settings
    for method, options in METHODS:
        first, second = (m.sample(30, method=method, seed=0, **options) for m in (model, loaded))
        assert np.array_equal(first, second)


@pytest.mark.parametrize(
    "settings", [DLPMSampling(sampling_steps=5), DLIMSampling(sampling_steps=5, rho=0.5)]
)
def test_cost_is_one_evaluation_per_step(trained, watch, settings):
    model = trained()
    calls = watch(model)
    drawn = model.sample_block(40, settings, SampleContext([1, 2]))
    assert drawn.nfe == 5
    assert sum(x.shape[1] for x, _, _ in calls) == 5 * 40 * 2
    assert drawn.samples.shape == (2, 40, 2)


def test_steps_by_default():
    assert DLPMSampling().sampling_steps == 100
    assert DLIMSampling().sampling_steps == 25 and DLIMSampling().rho == 0.0


@pytest.mark.parametrize("kind", ["default", "exploding"])
@pytest.mark.parametrize("method", ["dlpm", "dlim"])
def test_sampling_begins_at_the_last_noise_level_of_training(trained, watch, kind, method):
    model = trained(kind)
    calls = watch(model)
    model.sample(20, method=method, sampling_steps=4, seed=0)
    last = 0.99 if kind == "default" else 1.0
    times = last * torch.tensor([1.0, 0.75, 0.5, 0.25], dtype=torch.float64)
    expected = torch.stack(schedule_of(kind)(times), dim=1).tolist()
    for (_, gbar, sbar), level in zip(calls[:4], expected, strict=True):
        assert [gbar, sbar] == pytest.approx(level, rel=1e-12)


@pytest.mark.parametrize("method", ["dlpm", "dlim"])
def test_scaled_data_give_scaled_samples(block, trained, method):
    """By 2^20, about a million, which is exact in floating point: no size is special."""
    huge = 2.0**20
    other = DLPM(device="cpu", **TINY).fit(huge * block, seed=5, verbose=False)
    expected = np.float32(huge) * trained().sample(50, method=method, sampling_steps=4, seed=0)
    assert np.array_equal(other.sample(50, method=method, sampling_steps=4, seed=0), expected)


def at_once(model, n, method, **options):
    """Samples that the network sees in one batch, as those of a benchmark."""
    settings = model.methods[method](**options)
    return model.sample_block(n, settings, SampleContext(range(model.num_seeds))).samples


@pytest.mark.parametrize("method", ["dlpm", "dlim"])
def test_nothing_is_clamped(trained, watch, method):
    """Without noise to take away, the start comes out divided by gbar, in units of the data."""
    model = trained("heavy")
    calls = watch(model, lambda noise: lambda x, gbar, sbar: torch.zeros_like(x))
    found = at_once(model, 4000, method, sampling_steps=1)
    location, scale = (model.constants[key][:, None].numpy() for key in ("location", "scale"))
    starts = np.stack([x[0].numpy() / gbar for x, gbar, _ in calls])
    np.testing.assert_allclose(found, location + scale * starts, rtol=1e-5, atol=1e-5)
    assert np.abs(starts).max() > 1e4


@pytest.mark.parametrize("method", ["dlpm", "dlim"])
def test_gaussian_noise_has_variance_two_in_training_and_sampling(trained, watch, method):
    model, n = trained("gaussian"), 4000
    noise = model._noised(torch.zeros(2, n, 2), Streams([1, 2], CPU, "train"))[1]
    calls = watch(model)
    at_once(model, n, method, sampling_steps=2)
    start, _, sbar = calls[0]
    for x in (noise[0], start[0] / sbar):
        assert x.double().var().item() == pytest.approx(2.0, abs=0.15)
        assert x.abs().max().item() > 3.3 * 2.0**0.5


def test_line_is_that_of_stable_data_in_robust_units(trained):
    """Stable data, divided by the scale of their quartiles, have the predictor's scale."""
    for kind, alpha in (("default", 1.7), ("heavy", 1.2), ("gaussian", 2.0)):
        upper = stable_quantiles([0.75], alpha)[0] * trained(kind).module.scale
        assert upper == pytest.approx(0.674489750, rel=1e-8)
        assert trained(kind).module.alpha == alpha
    assert trained("gaussian").module.scale == pytest.approx(0.5**0.5)


@pytest.mark.parametrize("kind", ["default", "heavy", "independent", "exploding"])
def test_noise_in_training(trained, kind):
    """Noisy data are made of the batch and the noise, at times from the first to the last."""
    model = trained(kind)
    batch = torch.randn(2, 5000, 2, generator=torch.Generator().manual_seed(0))
    noisy, noise, gbar, sbar = model._noised(batch, Streams([1, 2], CPU, "train"))
    assert noisy.shape == noise.shape == (2, 5000, 2) and gbar.shape == sbar.shape == (2, 5000, 1)
    assert noisy.dtype == noise.dtype == gbar.dtype == sbar.dtype == torch.float32
    torch.testing.assert_close(noisy, gbar * batch + sbar * noise, rtol=1e-5, atol=1e-5)
    last = 1.0 if kind == "exploding" else 0.99
    schedule = schedule_of(kind)
    ends = schedule(torch.tensor([1e-3, last]))[1].tolist()
    assert ends[0] * 0.999 < sbar.min().item() and sbar.max().item() < ends[1] * 1.001
    middle = schedule(torch.tensor([(1e-3 + last) / 2]))[1].item()
    assert (sbar < middle).double().mean().item() == pytest.approx(0.5, abs=0.03)
    upper = stable_quantiles([0.75], model.settings.alpha)[0]
    assert (noise.abs() < upper).double().mean().item() == pytest.approx(0.5, abs=0.03)


def test_noise_does_not_depend_on_the_other_seeds(trained):
    batch = torch.zeros(2, 30, 2)
    both = trained()._noised(batch, Streams([1, 2], CPU, "train"))
    alone = trained()._noised(batch[1:], Streams([2], CPU, "train"))
    for whole, part in zip(both, alone, strict=True):
        assert torch.equal(whole[1:], part)


def errors(model, module, batch, streams, draws, power):
    """The losses of all draws, computed as they are defined, shape (draws, E, n)."""
    _, _, gbar, sbar = model._noised(batch, streams)
    found = []
    for _ in range(draws):
        noise = model._noise(batch, streams)
        noisy = gbar * batch + sbar * noise
        error = module(noisy.float(), gbar, sbar) - noise.float()
        found.append(error.square().mean(-1) ** power)
    return torch.stack(found)


@pytest.mark.parametrize("draws", [3, 5])
def test_median_of_means_is_the_median_of_the_losses(block, trained, draws):
    """In value and gradient, though the draws that are no medians are not differentiated."""
    settings = trained("dlpm_5").settings.model_dump() | {"median_of_means": draws}
    model, module = DLPM(device="cpu", **settings), trained("dlpm_5").module
    batch = torch.from_numpy(block[:, :100]).float()
    parameters = list(module.parameters())
    found = model._loss(module, batch, Streams([3, 4], CPU, "train"))
    losses = errors(model, module, batch, Streams([3, 4], CPU, "train"), draws, 0.5)
    expected = losses.median(dim=0).values.mean(-1)
    assert found.shape == (2,)
    torch.testing.assert_close(found, expected)
    ours, theirs = (torch.autograd.grad(loss.sum(), parameters) for loss in (found, expected))
    for own, other in zip(ours, theirs, strict=True):
        assert bool((other != 0).any())
        torch.testing.assert_close(own, other, rtol=1e-4, atol=1e-6)
    # the mean of all draws would be another loss
    assert not torch.allclose(found, losses.mean(dim=(0, 2)), rtol=1e-2)


@pytest.mark.parametrize(("kind", "power"), [("default", 0.5), ("squared", 1.0)])
def test_loss_is_the_norm_or_its_square(block, trained, kind, power):
    """The root mean square over the coordinates of each sample, and the mean over the samples."""
    model = trained(kind)
    module, batch = model.module, torch.from_numpy(block[:, :100]).float()
    noisy, noise, gbar, sbar = model._noised(batch, Streams([3, 4], CPU, "train"))
    square = (module(noisy, gbar, sbar) - noise).square().mean(-1)
    found = model._loss(module, batch, Streams([3, 4], CPU, "train"))
    torch.testing.assert_close(found, (square**power).mean(-1))


def test_the_gradient_of_the_norm_is_finite_at_no_error(trained):
    """Where the prediction is right, the root has no slope."""
    guess = torch.zeros(1, 4, 2, requires_grad=True)
    zeros = torch.zeros(1, 4, 2)
    trained()._errors(lambda *_: guess, zeros, zeros, zeros, zeros).sum().backward()
    assert bool((guess.grad == 0).all())


def chains(model, monkeypatch):
    """Sample, and give the chains of variances that the sampler has been given."""
    from tailbench.levy import samplers

    seen, original = [], samplers.dlpm

    def dlpm(noise, grid, a, *rest):
        seen.append(a)
        return original(noise, grid, a, *rest)

    monkeypatch.setattr(samplers, "dlpm", dlpm)
    (made,) = at_once(model, 200, "dlpm", sampling_steps=6)
    return made, seen[0]


def test_independent_coordinates_in_three_dimensions(monkeypatch, watch):
    """Training and both samplers draw a variance for every coordinate."""
    x = AlphaStable(dim=3, isotropic=False).sample(300, np.random.default_rng(0))
    own, shared = (
        DLPM(device="cpu", isotropic=isotropic, **TINY).fit(x, verbose=False)
        for isotropic in (False, True)
    )
    for model, k in ((own, 3), (shared, 1)):
        made, a = chains(model, monkeypatch)
        assert made.shape == (200, 3) and a.shape == (1, 200, 6, k)
        calls = watch(model)
        at_once(model, 4000, "dlim", sampling_steps=1)
        batch = torch.zeros(1, 4000, 3)
        noise = model._noised(batch, Streams([1], CPU, "train"))[1]
        for drawn in (noise, calls[0][0]):
            related = torch.corrcoef(drawn[0].abs().log().T)[0, 1].item()
            assert (related > 0.05) == (k == 1) and (abs(related) < 0.05) == (k == 3)
        monkeypatch.undo()
    for method, options in METHODS:
        first, second = (m.sample(200, method=method, seed=0, **options) for m in (own, shared))
        assert np.isfinite(first).all() and not np.allclose(first, second)


@pytest.mark.parametrize("alpha", [0.8, 1.0, 2.1])
def test_alpha_out_of_range(alpha):
    with pytest.raises(ValidationError, match="alpha"):
        DLPM(alpha=alpha)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"loss": "squared"}, "'squared' has no mean at alpha below 2"),
        ({"loss": "squared", "alpha": 1.99}, "'squared' has no mean at alpha below 2"),
        ({"sigma_min": 80.0}, "sigma_min must be below sigma_max"),
        ({"sigma_min": 0.0}, "sigma_min"),
        ({"median_of_means": 0}, "median_of_means"),
        ({"noise_schedule": "linear"}, "noise_schedule"),
        ({"loss": "smooth_l1"}, "loss"),
    ],
)
def test_settings_of_training_out_of_range(options, match):
    with pytest.raises(ValidationError, match=match):
        DLPM(**options)


@pytest.mark.parametrize(
    "options", [{"rho": -0.1}, {"rho": 1.1}, {"rho": [0.1, 2.0]}, {"sampling_steps": 0}]
)
def test_settings_of_sampling_out_of_range(options):
    with pytest.raises(ValidationError):
        DLIMSampling(**options)


def test_a_sweep_is_sampled_point_by_point(trained):
    with pytest.raises(ValueError, match="one value per setting"):
        trained().sample(5, method="dlim", sampling_steps=[2, 4], seed=0)
    with pytest.raises(ValueError, match="one value per setting"):
        trained().sample(5, method="dlim", rho=[0.0, 0.5], seed=0)
    one, other = (trained().sample(5, sampling_steps=steps, seed=0) for steps in ([2], 2))
    assert np.array_equal(one, other)


def test_learns_the_tails_of_stable_data():
    target = AlphaStable(alpha=1.7)
    x, fresh = (target.sample(5000, np.random.default_rng(seed)) for seed in (0, 1))
    model = DLPM(device="cpu", train_steps=120, width=32, num_blocks=2).fit(x, verbose=False)
    for method, steps in (("dlpm", 50), ("dlim", 25)):
        made = model.sample(5000, method=method, sampling_steps=steps, seed=0).astype(float)
        found = MSLE().compare(made, fresh, target, np.random.default_rng(2))
        assert found["msle_norm"] < 0.15 and found["msle"] < 0.15
        # and the body: the quartiles of the first coordinate
        upper = np.quantile(np.abs(made), 0.5, axis=0) / target.quantile([0.75])[:, 0]
        assert np.abs(upper - 1.0).max() < 0.35


def test_clamps_of_the_noise_are_for_training_and_sampling(block, watch):
    """The authors clamp A and the noise of images; here only where it is asked for."""
    free, bound = (
        DLPM(device="cpu", alpha=1.2, **TINY, **clamps).fit(block, seed=5, verbose=False)
        for clamps in ({}, {"clip_A": 4.0, "clamp_eps": 3.0})
    )
    batch = torch.zeros(2, 5000, 2)
    for model, limited in ((free, False), (bound, True)):
        _, noise, _, _ = model._noised(batch, Streams([1, 2], CPU, "train"))
        assert (noise.abs().max().item() <= 3.0) == limited
        law = StableNoise(1.2, True, model.settings.clip_A, model.settings.clamp_eps)
        chain = law.variance(IndexedStreams([1, 2], 0, 5000, 2, CPU).uniform, 2, 7)
        assert (chain.max().item() <= 4.0) == limited
        calls = watch(model)
        model.sample(5000, method="dlim", sampling_steps=1, seed=0)
        largest = max((x / sbar).abs().max().item() for x, _, sbar in calls)
        assert (largest <= 3.0 + 1e-5) == limited
    assert (
        np.abs(bound.sample(2000, sampling_steps=5, seed=0)).max()
        < np.abs(free.sample(2000, sampling_steps=5, seed=0)).max()
    )
