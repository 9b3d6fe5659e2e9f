"""Data frames: names of columns in messages, in samples and in files."""

import numpy as np
import pandas as pd
import pytest

from tailbench.exceptions import InputError
from tailbench.models.flow import Flow
from tailbench.models.flow_sgm import FlowSGM
from tailbench.models.mvt import MVT
from tailbench.models.sgm import SGM
from toy_models import ToyGaussian

TINY = {"train_steps": 6, "batch_size": 64, "width": 8, "num_blocks": 1, "validate_every": 6}
FLOW = TINY | {"layers": 1, "bins": 4, "verbose": False}
NETWORK = TINY | {"verbose": False}
MODELS = {
    "flow": lambda: Flow(**FLOW),
    "flow_sgm": lambda: FlowSGM(
        Flow(**FLOW), SGM(**NETWORK), sigma_T=1.0, sampling_steps=2, verbose=False
    ),
    "toy": lambda: ToyGaussian(verbose=False),
}


def frame():
    x = np.random.default_rng(0).standard_t(3, (200, 2))
    return pd.DataFrame(x, columns=["fire", "storm"])


@pytest.fixture(params=MODELS)
def make(request):
    return MODELS[request.param]


def test_a_frame_in_a_frame_out(make, tmp_path):
    model, plain = make().fit(frame()), make().fit(frame().to_numpy())
    drawn = model.sample(9, seed=1)
    assert list(drawn.columns) == ["fire", "storm"] and len(drawn) == 9
    assert (drawn.dtypes == np.float64).all()
    assert np.array_equal(drawn.to_numpy(), plain.sample(9, seed=1))
    assert model.feature_names_in_.tolist() == ["fire", "storm"]
    assert model.feature_names_in_.dtype == object
    model.save(tmp_path)
    loaded = type(model).load(tmp_path)
    pd.testing.assert_frame_equal(loaded.sample(9, seed=1), drawn)
    pd.testing.assert_frame_equal(
        loaded.of_seed(0).sample(9, seed=1), model.of_seed(0).sample(9, seed=1)
    )
    model.fit(frame().to_numpy())
    assert isinstance(model.sample(9), np.ndarray) and not hasattr(model, "feature_names_in_")


def test_what_arrays_write_has_no_names(make, tmp_path):
    make().fit(frame().to_numpy()).save(tmp_path)
    assert not [p for p in tmp_path.rglob("spec.json") if "feature_names" in p.read_text()]


def test_parts_of_frames_make_a_model_of_frames():
    x = frame()
    model = FlowSGM(
        Flow(**FLOW).fit(x), SGM(**NETWORK).fit(x), prefit=True, sigma_T=1.0, sampling_steps=2
    )
    assert list(model.sample(4).columns) == ["fire", "storm"]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda x: x.assign(storm=1.0), "column 'storm' of the data is constant"),
        (lambda x: x.assign(storm=x["storm"].where(x.index != 7)), "column 'storm', row 7"),
        (lambda x: x.assign(storm="much"), "column 'storm' of the data is not numeric"),
        (lambda x: x.assign(storm=pd.Timestamp("2020-01-01")), "column 'storm'"),
        (lambda x: x.iloc[:1], "n_samples=1"),
        (lambda x: x[[]], r"0 feature\(s\)"),
    ],
)
def test_messages_name_the_column(make, spoil, message):
    with pytest.raises(InputError, match=message):
        make().fit(spoil(frame()))


def test_columns_of_other_types():
    x = frame()
    whole = x.assign(storm=pd.array(np.arange(200), dtype="Int64"))
    drawn = ToyGaussian(verbose=False).fit(whole).sample(3)
    assert list(drawn.columns) == ["fire", "storm"]
    with pytest.raises(InputError, match="column 'storm', row 199"):
        ToyGaussian(verbose=False).fit(whole.assign(storm=whole["storm"].where(x.index != 199)))
    numbered = ToyGaussian(verbose=False).fit(x.rename(columns={"fire": 0, "storm": 1}))
    assert isinstance(numbered.sample(3), np.ndarray), "numbers are no names"


def test_densities_of_frames():
    x = frame()
    model = MVT(verbose=False).fit(x)
    values = model.score_samples(x)
    assert isinstance(values, np.ndarray)
    assert np.array_equal(values, model.score_samples(x.to_numpy()))
    with pytest.raises(
        InputError, match="the columns are storm, fire, and the mvt was fitted on fi"
    ):
        model.score_samples(x[["storm", "fire"]])
    with pytest.raises(InputError, match="the columns are fire, and the mvt"):
        model.score(x[["fire"]])
    assert np.array_equal(MVT(verbose=False).fit(x.to_numpy()).score_samples(x), values)


@pytest.mark.parametrize(
    "kind", ["float32", "int64", "int16", "Float32", "Int64", "float[pyarrow]", "int64[pyarrow]"]
)
def test_samples_come_in_the_types_of_the_columns(make, kind, tmp_path):
    if "pyarrow" in kind:
        pytest.importorskip("pyarrow")
    x = frame()
    plain = x.assign(
        fire=x["fire"].astype("float32") if "loat" in kind else (x["fire"] * 40).round()
    )
    typed = plain.astype({"fire": kind})
    model = make().fit(typed)
    drawn = model.sample(50, seed=1)
    assert drawn.dtypes.astype(str).to_dict() == typed.dtypes.astype(str).to_dict()
    expected = make().fit(plain.to_numpy(np.float64)).sample(50, seed=1)
    fire = expected[:, 0].astype(np.float32) if "loat" in kind else np.rint(expected[:, 0])
    assert np.array_equal(drawn["fire"].to_numpy(np.float64), fire.astype(np.float64))
    assert np.array_equal(drawn["storm"], expected[:, 1])
    model.save(tmp_path)
    pd.testing.assert_frame_equal(type(model).load(tmp_path).sample(50, seed=1), drawn)
    pd.testing.assert_frame_equal(
        model.of_seed(0).sample(50, seed=1),
        type(model).load(tmp_path).of_seed(0).sample(50, seed=1),
    )
    assert model.of_seed(0).sample(5, seed=1)["fire"].dtype == typed["fire"].dtype
