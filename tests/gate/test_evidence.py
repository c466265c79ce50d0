"""Evidence for what has no sampling noise: its change is a fraction of base, and unknown where base is nothing."""

from __future__ import annotations

import pytest

from energygate.gate.evidence import Estimate, Evidence


@pytest.mark.parametrize(
    ("base", "head", "change"),
    [(10.0, 15.0, 0.5), (10.0, 5.0, -0.5), (10.0, 10.0, 0.0), (10.0, 0.0, -1.0), (0.0, 0.0, 0.0)],
)
def test_an_exact_change_is_a_fraction_of_base(base, head, change):
    found = Evidence.exact("model_size", head=head, base=base)
    assert (found.metric, found.base, found.head) == ("model_size", Estimate.exact(base), Estimate.exact(head))
    assert found.change == Estimate.exact(change)


def test_a_change_from_zero_is_unknown():
    assert Evidence.exact("response_size", head=1.0, base=0.0).change is None


def test_without_a_base_there_is_no_change():
    found = Evidence.exact("model_size", head=1.0)
    assert (found.base, found.change) == (None, None)
