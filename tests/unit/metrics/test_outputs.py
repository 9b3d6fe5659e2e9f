"""Which outputs are unfit for which data."""

import numpy as np

from tailbench.interfaces import MetricOutput
from tailbench.metrics.outputs import directions, unfit_datasets
from tailbench.targets.alpha_stable import AlphaStable


def test_an_output_is_unfit_where_the_least_index_is_at_most_what_it_needs(truth):
    laws = {
        "mixed": truth(2, np.array([5.0, 1.5])),
        "two": truth(1, np.array([2.0])),
        "three": truth(1, np.array([3.0])),
        "light": truth(1, np.array([np.inf])),
        "no index": truth(1, None),
        "no law": None,
    }
    outputs = {
        "a": MetricOutput("a", needs_index=2),
        "b": MetricOutput("b", needs_index=1),
        "c": MetricOutput("c"),
    }
    assert unfit_datasets(laws, outputs) == {"a": ["mixed", "two"]}
    assert unfit_datasets({}, outputs) == {}


def test_order_two_is_unfit_for_stable_laws_and_views_of_it_are_not():
    found = unfit_datasets({"stable": AlphaStable(alpha=1.7)})
    assert set(found) == {"sw2", "max_sw2", "max_sw2_pot", "max_sw2_headline"}
    assert all(names == ["stable"] for names in found.values())
    assert {"max_sw1_log", "max_sw2_bulk", "sw1"} <= set(directions())
