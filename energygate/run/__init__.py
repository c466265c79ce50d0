"""The verbs: a run of the gate over all workloads of a policy, on head alone or against base; init, doctor, matrix."""

from __future__ import annotations
