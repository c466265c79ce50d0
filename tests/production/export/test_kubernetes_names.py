"""Names of objects: valid, unique, and distinguishable by their pods' names."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from energygate.production.export.kubernetes_names import is_label, object_names, pods_of

DNS_LABEL = re.compile("[a-z0-9]([-a-z0-9]*[a-z0-9])?")
VARIANTS = st.sampled_from([("cpu", "gpu"), ("cpu",), ("int8", "cpu", "gpu"), ("a-b-c-d-e-f",)])
NAMES = st.one_of(
    st.text(min_size=1, max_size=80),
    st.from_regex("[a-zA-Z0-9._-]{1,70}", fullmatch=True),
    st.sampled_from(["x", "x-cpu", "x-cpu-cpu", "X", "x_", "x.", "-", "1", "w-1", "ä", "a" * 46, "a" * 42, "a" * 43]),
)


def all_objects(names, variants):
    return [
        one for workload, name in names.items() for one in (name, *(f"{name}-{each}" for each in variants[workload]))
    ]


@settings(max_examples=30)
@given(st.dictionaries(NAMES, VARIANTS, min_size=1, max_size=6))
@example({"x": ("cpu", "gpu"), "x-cpu": ("cpu", "gpu"), "x-gpu": ("cpu",)})
@example({"x-cpu": ("cpu",), "x": ("cpu",)})
def test_names_are_unique_dns_labels(variants):
    names = object_names(variants, variants)
    found = all_objects(names, variants)
    assert len(set(found)) == len(found)
    for one in found:
        assert DNS_LABEL.fullmatch(one), one
        assert is_label(one)
        # Deployment, the ReplicaSet's hash of up to 10, five more: what the API server does not have to cut.
        assert len(f"{one}-{'f' * 10}-{'x' * 5}") <= 63


@given(st.dictionaries(NAMES, VARIANTS, min_size=1, max_size=6))
@example({"x": ("cpu", "gpu"), "x-cpu": ("cpu",), "x-cpu-cpu": ("cpu",)})
def test_a_pod_name_matches_exactly_one_deployment(variants):
    names = object_names(variants, variants)
    deployments = {workload: [f"{name}-{one}" for one in variants[workload]] for workload, name in names.items()}
    for workload, own in deployments.items():
        for deployment in own:
            pod = f"{deployment}-7d4b9c6f5-x2k9z"
            claims = {
                other: re.fullmatch(pods_of(theirs), pod)
                for other, theirs in deployments.items()
                if re.fullmatch(pods_of(theirs), pod)
            }
            assert [*claims] == [workload]
            assert claims[workload][1] == deployment


@pytest.mark.parametrize("name", ["digits-cnn", "a", "x9"])
def test_a_valid_name_is_kept(name):
    assert object_names([name], {name: ("cpu", "gpu")}) == {name: name}


def test_a_name_does_not_depend_on_other_names():
    alone = object_names(["Digits CNN"], {"Digits CNN": ("cpu",)})
    among = object_names(["b", "Digits CNN"], {"b": ("cpu",), "Digits CNN": ("cpu",)})
    assert among["Digits CNN"] == alone["Digits CNN"]
    assert re.fullmatch("digits-cnn-[0-9a-f]{8}", alone["Digits CNN"])
