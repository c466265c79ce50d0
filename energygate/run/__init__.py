"""What joins the rooms: a run of the gate over all workloads of a policy, on head alone or against base."""

from __future__ import annotations
