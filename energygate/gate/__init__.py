"""Judge evidence by budgets: findings and a verdict. Pure functions."""

from __future__ import annotations

from energygate.gate.evidence import Estimate, Evidence
from energygate.gate.judge import Finding, judge, settled, without_unseen
from energygate.gate.verdict import Verdict, exit_code, worst

__all__ = ["Estimate", "Evidence", "Finding", "Verdict", "exit_code", "judge", "settled", "without_unseen", "worst"]
