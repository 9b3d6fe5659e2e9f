"""Parameters of models: their signature, and how they are read, changed and copied."""

import inspect
import subprocess
import sys

import numpy as np
import pytest
from pydantic import ValidationError

from tailbench import registry
from tailbench.exceptions import InputError, NotFittedError
from tailbench.models.flow import Flow
from tailbench.models.flow_sgm import FlowSGM
from tailbench.models.mvt import MVT
from tailbench.models.oracle import Oracle
from tailbench.models.sgm import SGM
from tailbench.targets.alpha_stable import AlphaStable

TINY = {"train_steps": 6, "batch_size": 64, "width": 8, "num_blocks": 1, "validate_every": 6}
FLOW = TINY | {"layers": 1, "bins": 4, "verbose": False}
NETWORK = TINY | {"verbose": False}


def data():
    return np.random.default_rng(0).standard_t(3, (200, 2))


@pytest.mark.parametrize("name", registry.names("models"))
def test_the_signature_has_every_setting(name):
    cls = registry.load("models", name)
    known = cls.options()
    signature = inspect.signature(cls)
    parts = getattr(known, "parts", {})
    expected = {key for key in known.model_fields if key not in parts}
    assert expected <= signature.parameters.keys()
    assert {"device", "random_state", "verbose"} <= signature.parameters.keys()
    for key in expected:
        field, parameter = known.model_fields[key], signature.parameters[key]
        assert parameter.kind is parameter.KEYWORD_ONLY
        if field.is_required():
            assert parameter.default is parameter.empty
        else:
            assert parameter.default == field.get_default()
        assert field.description in cls.__doc__
    assert not [p for p in signature.parameters.values() if p.kind is p.VAR_KEYWORD]


def test_parameters_are_those_that_were_given():
    model = SGM(width=8, learning_rate=np.float32(0.01))
    found = model.get_params()
    assert found.keys() == inspect.signature(SGM).parameters.keys()
    assert found["width"] == 8 and isinstance(found["learning_rate"], np.float32)
    assert found["train_steps"] == SGM.options().model_fields["train_steps"].default
    assert SGM(**found).settings == model.settings


def test_parameters_of_models_within_models():
    flow = Flow(layers=2)
    model = FlowSGM(flow, sigma_T=1.0)
    found = model.get_params()
    assert found["flow"] is flow and found["flow__layers"] == 2 and found["sgm"] is None
    assert "flow__layers" not in model.get_params(deep=False)
    assert model.set_params(flow__layers=3, sampling_steps=4) is model
    assert flow.get_params()["layers"] == 3 and model.sampling.sampling_steps == 4
    assert next(iter(model.flows.values())).settings.layers == 3
    assert model.set_params(sgm=SGM(), sgm__width=16).sgm.settings.width == 16
    with pytest.raises(InputError, match="no parameter 'flows'"):
        model.set_params(flows=1)
    with pytest.raises(InputError, match=r"sgm__width: sgm is None"):
        FlowSGM(flow, sigma_T=1.0).set_params(sgm__width=3)


def test_a_bad_value_is_refused_and_changes_nothing():
    model = Flow(layers=2)
    with pytest.raises(InputError, match=r"Flow has no parameter 'layer' \(did you mean 'layers'"):
        model.set_params(layer=3)
    with pytest.raises(ValidationError, match="layers"):
        model.set_params(width=3, layers=0)
    assert repr(model) == "Flow(layers=2)" and model.settings.width == 64
    with pytest.raises(ValidationError, match="layer"):
        Flow(layer=3)
    for wrong in (3.0, SGM(), {0.0: "flow"}):
        with pytest.raises(InputError, match="flow is required to be of the type Flow or TarFlow"):
            FlowSGM(wrong)
    with pytest.raises(InputError, match="sgm is required to be of the type SGM"):
        FlowSGM(sgm=Flow())


def test_a_fitted_model_stays_as_it_is_until_it_is_fitted_again():
    model = Flow(**FLOW).fit(data())
    before = model.sample(9, seed=1)
    model.set_params(layers=2)
    assert model.settings.layers == 1 and model.get_params()["layers"] == 2
    assert np.array_equal(model.sample(9, seed=1), before)
    model.fit(data())
    assert model.settings.layers == 2
    anew = Flow(**{**FLOW, "layers": 2}).fit(data())
    assert np.array_equal(model.sample(9, seed=1), anew.sample(9, seed=1))


def test_what_samples_are_drawn_by_counts_at_once():
    model = FlowSGM(Flow(**FLOW), SGM(**NETWORK), sigma_T=1.0, sampling_steps=2, verbose=False)
    model.fit(data())
    expected = model.sample(9, seed=1, sampling_steps=3)
    model.set_params(sampling_steps=3)
    assert np.array_equal(model.sample(9, seed=1), expected)
    model.set_params(random_state=1)
    assert np.array_equal(model.sample(9), expected)
    model.random_state = None
    assert model.get_params()["random_state"] is None


def test_representations_name_what_is_not_the_default():
    assert repr(MVT()) == "MVT()" and repr(MVT(nu=3.0, device="cpu")) == "MVT(device='cpu', nu=3.0)"
    assert repr(FlowSGM(Flow(layers=2), sigma_T=1.0)) == "FlowSGM(flow=Flow(layers=2), sigma_T=1.0)"
    oracle = Oracle(AlphaStable(), held_out=np.zeros((7, 2)), start="data", sigma_T=1.0)
    assert "held_out=<array of shape (7, 2)>" in repr(oracle)


def test_a_loaded_model_has_its_parameters(tmp_path):
    flow = Flow(random_state=3, **FLOW).fit(data())
    flow.save(tmp_path / "flow")
    assert Flow.load(tmp_path / "flow").get_params()["layers"] == 1
    model = FlowSGM(flow, SGM(**NETWORK), sigma_T=1.5, verbose=False).fit(data())
    model.save(tmp_path / "whole")
    loaded = FlowSGM.load(tmp_path / "whole")
    assert loaded.get_params()["sigma_T"] == 1.5 and not loaded.get_params()["prefit"]
    twin = loaded.__sklearn_clone__()
    with pytest.raises(NotFittedError):
        twin.sample(3)
    twin.set_params(verbose=False).fit(data())
    assert np.array_equal(twin.sample(5, seed=0), model.sample(5, seed=0))


def test_data_of_an_oracle_are_parameters():
    target = AlphaStable(alpha=2.0, dim=2)
    model = Oracle(target, sampling_steps=2)
    assert model.get_params()["target"] is target
    model.supply({"train": [data()], "target": target, "floor": [data()]})
    assert model.get_params()["held_out"][0].shape == (200, 2)
    model.fit(data())
    assert model.held_out is not None and model.sample(4).shape == (4, 2)


def test_scikit_learn_is_not_imported():
    code = """
import sys
sys.modules["sklearn"] = None
import numpy as np
from tailbench import MVT
model = MVT(verbose=False).set_params(nu=3.0)
model.__sklearn_clone__().fit(np.random.default_rng(0).standard_t(3, (50, 2))).score([[0.0, 0.0]])
print(repr(model))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "MVT(verbose=False, nu=3.0)"
