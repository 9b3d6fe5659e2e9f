"""What every model promises; a model that is added is tested by being there."""

import numpy as np
import pytest

from tailbench import registry
from tailbench.exceptions import InputError
from tailbench.training.checkpoint import Checkpoint

NAMES = registry.names("models")
TRAINABLE = registry.trainable_types()
METHODS = sorted(registry.method_types().items())

TINY = {
    "steps": 40,
    "batch_size": 64,
    "width": 16,
    "blocks": 1,
    "layers": 1,
    "validate_every": 10,
}
FEW = {"steps": 6, "sigma_T": 1.0}
LIGHT = {
    "tarflow": "its base is Gaussian; how far its samples reach, it has to learn",
    "sgm": "its start is a Gaussian of scale 80; how far its samples reach, it has to learn",
}


def known(settings, options):
    """The options that a class of settings has."""
    return {key: value for key, value in options.items() if key in settings.model_fields}


def build(name, **options):
    """A small untrained model, of small parts if it is made of others."""
    cls = registry.load("models", name)
    if cls.trainable:
        return cls(device="cpu", **known(cls.Settings, TINY | options))
    method = cls.methods[name]
    parts = {
        f"{role}_settings": known(registry.load("models", types[0]).Settings, TINY)
        for role, types in method.parts.items()
    }
    return cls(device="cpu", **parts, **known(method, FEW))


def sample(model, n, **options):
    return model.sample(n, **known(model.methods[model.name], FEW), **options)


def two_lumps(members, n=400, dim=2):
    """Two lumps four standard deviations apart: structure that can be learned fast."""
    rng = np.random.default_rng(0)
    side = np.sign(rng.standard_normal((members, n, 1)))
    return 2.0 * side + rng.standard_normal((members, n, dim))


@pytest.fixture(scope="module")
def block():
    return two_lumps(2)


@pytest.fixture(scope="module")
def fitted(block):
    made = {}

    def get(name):
        if name not in made:
            made[name] = build(name).fit(block, seed=1, quiet=True)
        return made[name]

    return get


@pytest.mark.parametrize("name", NAMES)
def test_has_a_method_of_its_own_name(name):
    cls = registry.load("models", name)
    assert name in cls.methods
    for method in cls.methods.values():
        for role, types in method.parts.items():
            assert method.model_fields[role].default == types[0]
            assert set(types) <= set(TRAINABLE)
        for key in method.sweeps:
            default = method.model_fields[key].default
            if isinstance(default, (int, float)):
                swept = method(**{key: [default, 2 * default or 0.5]})
                assert len(swept.variants("m")) == 2


def test_names_of_methods_are_unique():
    every = [m for name in NAMES for m in registry.load("models", name).methods]
    assert len(every) == len(set(every))


@pytest.mark.parametrize("name", NAMES)
def test_shapes(fitted, name):
    model = fitted(name)
    x = sample(model, 50)
    assert x.shape == (2, 50, 2) and x.dtype == np.float32
    assert np.isfinite(x).all()
    assert (model.members, model.dim) == (2, 2)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dim", [1, 5])
def test_other_dimensions_and_tables(name, dim):
    model = build(name).fit(two_lumps(1, dim=dim)[0], quiet=True)
    assert sample(model, 10).shape == (10, dim)


@pytest.mark.parametrize(("method", "name"), METHODS)
def test_methods_draw(fitted, method, name):
    cls = registry.load("models", name)
    settings = cls.methods[method](**known(cls.methods[method], FEW))
    drawn = fitted(name).draw(30, settings, [3, 4])
    assert drawn.samples.shape == (2, 30, 2) and drawn.samples.dtype == np.float32
    assert isinstance(drawn.nfe, int) and drawn.nfe >= 1
    again = fitted(name).draw(30, settings, [3, 4])
    assert np.array_equal(drawn.samples, again.samples)
    other = fitted(name).draw(30, settings, [3, 5])
    assert np.array_equal(drawn.samples[0], other.samples[0])
    assert not np.array_equal(drawn.samples[1], other.samples[1])


@pytest.mark.parametrize("name", NAMES)
def test_is_deterministic(fitted, block, name):
    model = build(name).fit(block, seed=1, quiet=True)
    assert np.array_equal(sample(model, 20, seed=2), sample(fitted(name), 20, seed=2))
    assert not np.array_equal(sample(model, 20, seed=2), sample(model, 20, seed=3))
    other = build(name).fit(block, seed=2, quiet=True)
    assert not np.array_equal(sample(model, 20), sample(other, 20))


@pytest.mark.parametrize("name", NAMES)
def test_a_member_does_not_depend_on_its_block(fitted, block, name):
    alone = build(name).fit(block[:1], seed=1, quiet=True)
    assert np.array_equal(sample(alone, 20)[0], sample(fitted(name), 20)[0])


@pytest.mark.parametrize("name", NAMES)
def test_the_first_samples_of_a_longer_draw_are_those_of_a_shorter(fitted, name):
    long, short = sample(fitted(name), 400), sample(fitted(name), 100)
    np.testing.assert_allclose(long[:, :100], short, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_save_and_load(fitted, name, tmp_path):
    model = fitted(name)
    model.save(tmp_path)
    loaded = type(model).load(tmp_path, device="cpu")
    assert np.array_equal(sample(loaded, 20), sample(model, 20))


@pytest.mark.parametrize("name", NAMES)
def test_a_damaged_file_is_named(fitted, name, tmp_path):
    fitted(name).save(tmp_path)
    path = max(tmp_path.rglob("*.safetensors"))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(InputError, match="is damaged") as caught:
        type(fitted(name)).load(tmp_path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda x: x[0, :, 0], "shape"),
        (lambda x: x[:, :1], "at least two rows"),
        (lambda x: np.where(x == x[0, 3, 1], np.nan, x), "NaN or infinity"),
        (lambda x: np.where(x == x[0, 3, 1], np.inf, x), "NaN or infinity"),
        (lambda x: x * [1.0, 0.0], "column 1 of the data is constant"),
    ],
)
def test_bad_data(block, name, spoil, message):
    with pytest.raises(InputError, match=message):
        build(name).fit(spoil(block), quiet=True)


@pytest.mark.parametrize("name", NAMES)
def test_leaves_the_data_alone(block, name):
    x = block.copy()
    build(name).fit(x, quiet=True)
    assert np.array_equal(x, block)


@pytest.mark.parametrize("name", NAMES)
def test_no_size_is_special(fitted, block, name):
    """A million times the data give a million times the samples: no clamp, no fixed unit."""
    huge = 2.0**20
    model = build(name).fit(huge * block, seed=1, quiet=True)
    np.testing.assert_allclose(
        sample(model, 50) / huge, sample(fitted(name), 50), rtol=1e-3, atol=1e-3
    )


@pytest.mark.parametrize("name", [name for name in NAMES if name not in LIGHT])
def test_no_clamp(name):
    """Trained on a Cauchy sample with values beyond 1e4, it gives values beyond 1e3."""
    n = 20_000
    x = np.tan(np.pi * ((np.arange(n) + 0.5) / n - 0.5))[:, None]
    assert x.max() > 1e4
    y = sample(build(name, alpha=1.1).fit(x, quiet=True), n)  # noise as heavy as the data
    assert np.abs(y).max() > 1e3


@pytest.mark.parametrize("name", TRAINABLE)
def test_a_tiny_fit_beats_its_initialisation(fitted, name):
    for member in (0, 1):
        losses = [row["val_loss"] for row in fitted(name).history if row["member"] == member]
        assert len(losses) == 5
        assert min(losses[1:]) < losses[0]


@pytest.mark.parametrize("name", TRAINABLE)
def test_goes_on_where_it_was(fitted, block, name, tmp_path, monkeypatch):
    """Killed in the middle of its second member, and started again."""
    cls, calls = registry.load("models", name), []
    original = cls._loss

    def loss(self, module, batch, streams):
        calls.append(1)
        if len(calls) == 70:
            raise KeyboardInterrupt
        return original(self, module, batch, streams)

    with monkeypatch.context() as patch:
        patch.setattr(cls, "_loss", loss)
        with pytest.raises(KeyboardInterrupt):
            build(name).fit(block, seed=1, quiet=True, checkpoint=Checkpoint(tmp_path, "k", 0.0))
    assert len(list(tmp_path.iterdir())) == 2
    model = build(name).fit(block, seed=1, quiet=True, checkpoint=Checkpoint(tmp_path, "k", 0.0))
    assert np.array_equal(sample(model, 20), sample(fitted(name), 20))
