"""Small data and models that are trained once and shared: they are only read."""

import numpy as np
import pytest

from tailbench.models.dlpm import DLPM
from tailbench.models.flow import Flow
from tailbench.models.flow_sgm import FlowSGM
from tailbench.models.lim import LIM
from tailbench.models.sgm import SGM

TINY = {"train_steps": 12, "batch_size": 64, "width": 8, "num_blocks": 1, "validate_every": 6}
TINY_FLOW = TINY | {"layers": 1, "bins": 4}
TINY_SAMPLING = {"sampling_steps": 3}
KINDS = {
    "sgm edm": lambda: SGM(device="cpu", **TINY),
    "sgm heavy": lambda: SGM(device="cpu", preconditioning="tail_aware", **TINY),
    "dlpm": lambda: DLPM(device="cpu", **TINY),
    "dlpm ni": lambda: DLPM(device="cpu", isotropic=False, median_of_means=3, **TINY),
    "lim": lambda: LIM(device="cpu", **TINY),
    "flow auto": lambda: Flow(device="cpu", **TINY_FLOW),
    "flow ttf": lambda: Flow(device="cpu", tails="ttf", **TINY_FLOW),
    "flow student": lambda: Flow(device="cpu", tails="student", **TINY_FLOW),
    "flow none": lambda: Flow(device="cpu", tails="none", **TINY_FLOW),
    "flow noise": lambda: Flow(device="cpu", noise=0.5, **TINY_FLOW),
    "flow_sgm noised": lambda: headline(sigma_T=1.0),
    "flow_sgm noised auto": lambda: headline(sigma_T="auto", sigma_T_grid=(0.5, 2.0)),
    "flow_sgm at_noise": lambda: headline(start="noisy_flow", sigma_T=1.0),
    "flow_sgm at_noise auto": lambda: headline(
        start="noisy_flow", sigma_T="auto", sigma_T_grid=(0.5, 2.0)
    ),
}


def headline(**sampling):
    """A small flow-initialised score model."""
    return FlowSGM(
        device="cpu", flow_settings=TINY_FLOW, sgm_settings=TINY, **(TINY_SAMPLING | sampling)
    )


def student(count, n=300, seed=0):
    """Heavy in the first column, light in the second, shape (E, n, 2), off centre."""
    rng = np.random.default_rng(seed)
    x = np.stack([rng.standard_t(1.5, (count, n)), rng.standard_normal((count, n))], axis=-1)
    return 0.1 * x + np.array([3.0, -1.0])


def options(model):
    """What to say to ``sample`` so that it is fast."""
    return TINY_SAMPLING if model.name in ("dlpm", "lim", "sgm") else {}


@pytest.fixture(scope="session")
def block():
    return student(2)


@pytest.fixture(scope="session")
def fitted(block):
    """Give a model of a kind, fitted on the block of two seeds."""
    made = {}

    def get(kind):
        if kind not in made:
            made[kind] = KINDS[kind]().fit(block, seed=5, verbose=False)
        return made[kind]

    return get


@pytest.fixture(scope="session")
def tables():
    """Give a model of a kind, fitted on the table of the first seed."""
    made = {}

    def get(kind):
        if kind not in made:
            made[kind] = KINDS[kind]().fit(student(2)[0], seed=5, verbose=False)
        return made[kind]

    return get


@pytest.fixture(scope="session")
def sample():
    """Sample from a model with few steps."""
    return lambda model, n, **more: model.sample(n, **({"seed": 0} | options(model) | more))


@pytest.fixture(scope="session")
def fresh():
    """Give a model of a kind that is not fitted."""
    return lambda kind: KINDS[kind]()


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture(scope="session")
def small():
    """Settings of small models."""
    return {"sgm": TINY, "flow": TINY_FLOW, "headline": headline, "data": student}


@pytest.fixture
def watch(monkeypatch):
    """Let a Lévy model's predictor be changed, and give the list of what it is asked."""

    def start(model, change=lambda noise: noise):
        calls, original = [], model._select

        def select(positions):
            predictor = change(original(positions))

            def noise(x, gbar, sbar):
                calls.append((x.clone(), gbar.item(), sbar.item()))
                return predictor(x, gbar, sbar)

            return noise

        monkeypatch.setattr(model, "_select", select)
        return calls

    return start
