"""A leg of a matrix: it measures its share, and shares the error with all that the other legs measure."""

from __future__ import annotations

from dataclasses import replace

import pytest

from energygate.errors import MeasurementError
from energygate.measure import campaign
from energygate.policy import parse_policy
from energygate.run.base import check_out_base
from energygate.run.check import check
from energygate.run.demo import fixtures
from energygate.run.options import Options

POLICY = """
version: 1
workloads:
  {first}: {{onnx: models/digits-mlp.onnx, budgets: {{energy_per_request: 1 kWh, latency_p95: 1 h}}}}
  second: {{onnx: models/digits-mlp.onnx, budgets: {{energy_per_request: 1 kWh, model_size: 1 GB}}}}
"""


@pytest.fixture(autouse=True)
def _launched_once(monkeypatch):
    """Nothing here depends on what is measured."""
    monkeypatch.setattr(campaign, "MAX_LAUNCHES", 1)


def alpha(result):
    return result.workloads[0].provenance.alpha


def test_a_leg_uses_the_confidence_of_the_whole_run():
    policy = parse_policy(POLICY.format(first="first"), "energygate.yml")
    options = Options(workloads=["first"], time_limit_s=1)
    alone = check(policy, fixtures(), options)
    leg = check(policy, fixtures(), replace(options, leg=True))
    assert alpha(alone) == pytest.approx(0.10 / 2)  # its two budgets; a size is exact and takes no share
    assert alpha(leg) == pytest.approx(0.10 / 3)


def test_a_leg_with_a_base_uses_the_confidence_of_the_whole_run(tmp_path):
    (tmp_path / "models").mkdir()
    heavier = (fixtures() / "models/digits-cnn.onnx").read_bytes()
    (tmp_path / "models/digits-mlp.onnx").write_bytes(heavier)
    (tmp_path / "energygate.yml").write_text(POLICY.format(first="first"))
    policy = parse_policy(POLICY.format(first="first"), "energygate.yml")
    options = Options(workloads=["second"], time_limit_s=2, leg=True)
    with check_out_base(fixtures(), "energygate.yml", base_dir=str(tmp_path)) as base:
        leg = check(policy, fixtures(), options, base=base)
    assert alpha(leg) == pytest.approx(0.10 / 3)


def test_without_a_base_a_given_setup_is_run():
    policy = parse_policy(POLICY.format(first="first"), "energygate.yml")
    with pytest.raises(MeasurementError, match="head: the setup command failed"):
        check(policy, fixtures(), Options(setup="exit 3"))
