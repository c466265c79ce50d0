"""The workflow files that docs/github.md shows, by their headings, and a small project that they gate."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
MODELS, DATA = ROOT / "fixtures" / "models", ROOT / "fixtures" / "data"
LIGHT, HEAVY = ((MODELS / f"digits-{name}.onnx").read_bytes() for name in ("mlp", "cnn"))

POLICY = """version: 1
site: {pue: 1.25, traffic: {requests_per_day: 200000}}
measurement: {time_limit: 2 s}
workloads:
  digits:
    onnx: models/digits.onnx
    budgets:
      model_size: {max_increase: 5 %}
"""
"""Decided by the size of a file: what is tried here is what happens around the measuring, and how it is reported."""

ENERGY = POLICY.replace("2 s", "5 s").replace("model_size", "energy_per_request")
"""The real thing."""


def recipe(heading):
    """The workflow files below a heading of docs/github.md."""
    text = (ROOT / "docs" / "github.md").read_text(encoding="utf-8")
    below = re.split(rf"^#+ {re.escape(heading)}$", text, flags=re.MULTILINE)[1]
    section = re.split(r"^#+ ", below, flags=re.MULTILINE)[0]
    return re.findall(r"^```yaml\n(.*?)^```", section, re.MULTILINE | re.DOTALL)


def project(*workflows, policy=POLICY, **more):
    """The files of a repository that is gated by these workflows; further files by path, `None` for none."""
    files = {f".github/workflows/{number}.yml": text for number, text in enumerate(workflows, 1)}
    files |= {
        "energygate.yml": policy,
        "models/digits.onnx": LIGHT,
        "data/digits.npz": (DATA / "digits.npz").read_bytes(),
    }
    return {path: content for path, content in {**files, **more}.items() if content is not None}


HEAVIER = {"models/digits.onnx": HEAVY}
"""What a pull request changes so that a request needs several times the energy, from a model twelve times as large."""

LOOSER = {"energygate.yml": POLICY.replace("5 %", "9000 %")}
