"""Which bytes are evidence, and when it is worth answering requests or compressing a model for them."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pytest

from energygate.gate import Evidence
from energygate.policy import Site, Workload, parse_policy
from energygate.run.prepare import (
    model_evidence,
    needs_payloads,
    payload_evidence,
    wants_payloads,
)
from energygate.workloads.model_files import model_download_bytes, model_size_bytes
from energygate.workloads.protocol import UNKNOWN_PAYLOADS, Payloads
from energygate.workloads.serving import Serving, Side

ROOT = Path(__file__).parents[2]
MODELS = ROOT / "fixtures" / "models"
DOWNLOADED = {"requests_per_day": 1, "model_downloads_per_month": 5}
AT_HOME = Site()
PRICED = Site(egress_price="0.09 USD/GB")


def payloads(request, response, egress):
    return Payloads(request_bytes=request, response_bytes=response, egress_bytes=egress)


def numbers(evidence):
    return {name: (one.head.value, one.base and one.base.value) for name, one in evidence.items()}


# --- Requests and answers ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("budgets", "site", "wanted", "needed"),
    [
        ({}, AT_HOME, False, False),
        ({"energy_per_request": "1 Wh", "model_download_size": "1 MB"}, AT_HOME, False, False),
        ({"response_size": "1 kB"}, AT_HOME, True, True),
        ({"request_size": "1 kB"}, AT_HOME, True, True),
        ({"egress_per_request": "1 kB"}, AT_HOME, True, True),
        ({"energy_per_request": "1 Wh"}, PRICED, True, False),
        ({"monthly_cost": "1 USD"}, PRICED, True, True),
        ({"monthly_egress_cost": "1 USD"}, PRICED, True, True),
    ],
)
def test_answers_are_collected_for_their_size_only_on_demand(budgets, site, wanted, needed):
    workload = Workload(python="a:b", budgets=budgets)
    assert (wants_payloads(workload, site), needs_payloads(workload)) == (wanted, needed)


def test_sizes_of_head_are_evidence_and_compared_if_base_is_known():
    assert numbers(payload_evidence(payloads(1.0, None, 3.0))) == {
        "request_size": (1.0, None),
        "egress_per_request": (3.0, None),
    }
    found = payload_evidence(payloads(1.0, 2.0, 3.0), payloads(None, 4.0, 3.0))
    assert numbers(found) == {
        "request_size": (1.0, None),
        "response_size": (2.0, 4.0),
        "egress_per_request": (3.0, 3.0),
    }
    changes = {name: one.change and one.change.value for name, one in found.items()}
    assert changes == {"request_size": None, "response_size": -0.5, "egress_per_request": 0.0}
    assert payload_evidence(UNKNOWN_PAYLOADS, payloads(1.0, 2.0, 3.0)) == {}


@pytest.mark.parametrize(("base", "head", "change"), [(0.0, 0.0, 0.0), (0.0, 1.0, None), (2.0, 0.0, -1.0)])
def test_from_nothing_to_nothing_is_no_change(base, head, change):
    found = Evidence.exact("request_size", base=base, head=head).change
    assert (found and found.value) == change


# --- The model ---------------------------------------------------------------------------------------------


@pytest.fixture
def served(tmp_path):
    """Makes the `Serving` of a fixture's model, or of another workload, on a side of its own."""

    def make(model=None, side="head", **more):
        directory = tmp_path / side
        directory.mkdir()
        if model is not None:
            shutil.copy(MODELS / f"{model}.onnx", directory / "model.onnx")
            more["onnx"] = "model.onnx"
        return Serving(
            name="w",
            workload=Workload(**more),
            side=Side(name=side, directory=directory, python=sys.executable),
            seed=0,
            timeout_s=1,
            scratch=tmp_path,
            inputs_directory=directory,
        )

    return make


@pytest.mark.parametrize(
    ("budgets", "site", "wanted"),
    [
        ({}, AT_HOME, False),
        ({}, PRICED, False),
        ({"model_download_size": "1 MB"}, AT_HOME, True),
        ({}, Site(traffic=DOWNLOADED), True),
        ({}, Site(traffic=DOWNLOADED | {"model_downloads_per_month": 0}), False),
    ],
)
def test_a_model_is_compressed_only_on_demand(served, budgets, site, wanted):
    found = numbers(model_evidence(served("digits-mlp", budgets=budgets), site))
    assert found.keys() == {"model_size", *(["model_download_size"] if wanted else [])}
    assert all(base is None for _, base in found.values())


def test_the_sizes_of_both_models_are_measured(served):
    head, base = served("digits-cnn", budgets={"model_download_size": "1 MB"}), served("digits-mlp", "base")
    found = model_evidence(head, AT_HOME, base)
    for head_bytes, base_bytes in numbers(found).values():
        assert head_bytes > 5 * base_bytes
    assert found["model_download_size"].head.value < found["model_size"].head.value
    assert found["model_download_size"].change.value > 5


def test_a_model_without_a_base_model_is_not_compared(served):
    found = model_evidence(served("digits-mlp"), AT_HOME, served(side="base", python="app:make"))
    assert numbers(found) == {"model_size": ((MODELS / "digits-mlp.onnx").stat().st_size, None)}


def test_workloads_without_a_model_have_no_model_size(served):
    assert model_evidence(served(python="app:make"), Site(traffic=DOWNLOADED), served("digits-mlp", "base")) == {}


def test_the_model_in_the_docs_keeps_its_limit():
    snippets = re.findall(
        r"^```yaml\n(.*?)^```", (ROOT / "docs" / "serving.md").read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    (text,) = (one for one in snippets if "model_download_size" in one)
    budget = parse_policy(text).workloads["on-device"].budgets["model_download_size"]
    size = model_download_bytes(MODELS / "digits-cnn.onnx", label="w")
    assert 0.8 * budget.max.value < size < budget.max.value
    assert size / model_size_bytes(MODELS / "digits-cnn.onnx", label="w") == pytest.approx(0.93, abs=0.01)
