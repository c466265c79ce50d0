"""A policy for tests of what is exported for AWS."""

from __future__ import annotations

from textwrap import dedent

from energygate.policy import parse_policy
from energygate.production.export.cloudwatch import files
from energygate.production.export.source import Source

POLICY = """\
version: 1
site:
  pue: 1.25
  traffic: {requests_per_day: 200000, warm_replicas: 2, max_replicas: 8}
workloads:
  digits-cnn:
    onnx: digits.onnx
    budgets:
      energy_per_request: {max: 0.2 Wh}
      latency_p95: {max: 200 ms, level: warn}
"""


def source(text=POLICY, *, result=None):
    return Source(policy=parse_policy(dedent(text)), result=result)


def template(kind, **others):
    return files(source(**others), answer=kind)["digits-cnn.yaml"]
