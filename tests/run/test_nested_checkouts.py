"""Whose code a workload is, when one checkout lies inside the other as `--base-dir base` does in CI."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from energygate.errors import MeasurementError
from energygate.policy import parse_policy
from energygate.workloads.protocol import LoadReply
from energygate.workloads.serving import Serving, Side

WORKLOAD = parse_policy("version: 1\nworkloads: {w: {python: 'module:factory'}}").workloads["w"]


def serving(own: str, other: str) -> Serving:
    return Serving(
        name="w",
        workload=WORKLOAD,
        side=Side(name="head", directory=Path(own), python="python"),
        seed=0,
        timeout_s=1,
        scratch=Path("/scratch"),
        inputs_directory=Path(own),
        other_directory=Path(other),
    )


def loaded(origin: str) -> LoadReply:
    return LoadReply(inputs=None, versions={}, origin=origin, wall_ns=1, cpu_ns=1)


@pytest.mark.parametrize(
    ("own", "other", "origin", "refused"),
    [
        ("/repo", "/elsewhere/base", "/repo/module.py", False),
        ("/repo", "/elsewhere/base", "/elsewhere/base/module.py", True),
        ("/repo", "/elsewhere/base", "/usr/lib/module.py", False),
        ("/repo", "/repo/base", "/repo/module.py", False),
        ("/repo", "/repo/base", "/repo/base/module.py", True),
        ("/repo/base", "/repo", "/repo/base/module.py", False),
        ("/repo/base", "/repo", "/repo/src/module.py", True),
    ],
)
def test_the_deeper_checkout_owns_a_file(own, other, origin, refused):
    side = serving(own, other)
    if refused:
        with pytest.raises(MeasurementError, match="the other side's checkout"):
            side._refuse_other_sides_code(loaded(origin))
    else:
        side._refuse_other_sides_code(loaded(origin))
        replace(side, other_directory=None)._refuse_other_sides_code(loaded(origin))
