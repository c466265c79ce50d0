"""The plan that `energygate route --json` writes: the contract between routing and the exporters that act on it.

Rates are requests a second of the whole service. Powers and energies of placements are those of the facility, PUE
included; a pool's own are IT watts and joules, as in its result. An unknown number is null.

    {"schema": "energygate/routing/1", "workload": "digits-cnn",
     "latency": {"metric": "latency_p95", "limit_s": 0.05, "source": "energygate.yml:12"},
     "rates": {"low_per_s": 1.0, "high_per_s": 10000.0},
     "pools": [{"name": "cpu", "replica_rate_per_s": 61.0, "unfit": null, ...}, {"name": "gpu", ...}],
     "thresholds": [{"below": "cpu", "above": "gpu", "rate_per_s": 183.0, "low_per_s": 122.0, "high_per_s": 305.0,
                     "below_replicas": 3, "above_replicas": 1, "between": ["cpu", "gpu"]}],
     "bands": [{"low_per_s": 1.0, "high_per_s": 183.0, "pool": "cpu"}, ...],
     "rows": [{"rate_per_s": 1.0, "pool": "cpu", "replicas": 1, "power_watts": 12.1, ...}, ...],
     "notes": [...]}

Whoever shifts traffic needs only `thresholds`: below `rate_per_s` the one pool, above it the other. Between
`low_per_s` and `high_per_s` the measurements cannot decide; use this range as hysteresis.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from energygate.document import Document, DocumentPart, Finite, first_mistake
from energygate.errors import UsageError
from energygate.production.routing.pool_costs import PoolCosts
from energygate.text import printable, quote

MAX_BYTES = 10_000_000
"""Ten pools of 10,000 replicas each, whose bands all differ, take half of that."""

_MAX_QUOTE = 120


class LatencyLimit(DocumentPart):
    """The limit that every placement keeps."""

    metric: Literal["latency_p50", "latency_p95", "latency_p99"]
    limit_s: Finite
    source: str = Field(description="Where it is written: a line of the policy, or `--latency`.")


class Rates(DocumentPart):
    """The range of rates that the plan covers; thresholds outside it are unknown."""

    low_per_s: Finite
    high_per_s: Finite


class RoutedPool(DocumentPart):
    """One pool: replicas of the machine that one result was measured on."""

    name: str = Field(description="The name given on the command line.")
    workload: str = Field(description="The workload's name in its result.")
    result: str = Field(description="The file of its result.")
    machine: str = Field(description="The measured machine: its processor, and its GPUs if it has any.")
    provider: str | None = Field(description="onnxruntime's execution provider; null without.")
    method: Literal["measured", "estimated"]
    source: str = Field(description="Which counter, or which row of which table.")
    uncertainty: Finite = Field(description="Relative uncertainty of its absolute joules.")
    pue: Finite = Field(description="PUE of the site in its result.")
    idle_watts: Finite = Field(description="IT power of an idle replica.")
    active_joules_per_request: Finite = Field(description="IT energy that a request adds to that.")
    capacity_per_s: Finite = Field(description="Requests a second of a replica that is never idle.")
    slots: int = Field(description="Requests that a replica serves at once.")
    latency_s: Finite = Field(description="The limited quantile without any queue, as measured.")
    utilisation: Finite | None = Field(
        description="The highest utilisation of a replica within the limit; null when unfit."
    )
    replica_rate_per_s: Finite | None = Field(
        description="The highest rate of a replica within the limit, in requests a second; null when unfit."
    )
    warm_replicas: int = Field(description="The minimum of replicas while the pool is used at all.")
    max_replicas: int | None = Field(description="The maximum of replicas; null for no limit.")
    unfit: str | None = Field(description="Why it cannot be used at any rate; null when it can.")

    def costs(self) -> PoolCosts | None:
        """Return the pool's costs at the facility; `None` when it cannot be used."""
        if self.replica_rate_per_s is None:
            return None
        return PoolCosts(
            name=self.name,
            idle_watts=self.idle_watts * self.pue,
            active_joules=self.active_joules_per_request * self.pue,
            replica_rate_per_s=self.replica_rate_per_s,
            warm=self.warm_replicas,
            max_replicas=self.max_replicas,
        )


class Threshold(DocumentPart):
    """Where one pool takes over from another as the rate grows."""

    below: str
    above: str
    rate_per_s: Finite = Field(description="Above this rate the pool above costs less, by the numbers alone.")
    low_per_s: Finite | None = Field(
        description="Up to this rate the pool below certainly costs less; null when it does nowhere."
    )
    high_per_s: Finite | None = Field(
        description="From this rate on the pool above certainly costs less; null when it does nowhere."
    )
    below_replicas: int = Field(description="Replicas of the pool below that serve `rate_per_s`.")
    above_replicas: int = Field(description="Replicas of the pool above that serve `rate_per_s`.")
    between: tuple[str, ...] = Field(
        description="Pools that may be the best between `low_per_s` and `high_per_s`; those below and above first."
    )


class Band(DocumentPart):
    """Rates at which one pool is the best by the numbers alone, steps of whole replicas included."""

    low_per_s: Finite
    high_per_s: Finite
    pool: str | None = Field(description="Null where no pool can serve these rates.")


class Share(DocumentPart):
    """One pool's part of a mixed placement."""

    pool: str
    replicas: int
    rate_per_s: Finite = Field(description="Requests a second that go to it.")


class Mix(DocumentPart):
    """Two pools together, where that costs less than any one alone."""

    shares: tuple[Share, Share] = Field(description="The one with more of the load first.")
    power_watts: Finite
    saving: Finite = Field(description="Share of the best pool's power that it saves.")


class PoolRow(DocumentPart):
    """The cost of one pool on its own at one rate."""

    pool: str
    replicas: int
    power_watts: Finite = Field(description="Of the facility, idle replicas included.")
    power_low_watts: Finite | None = Field(description="Lower end of its interval; null without one.")
    power_high_watts: Finite | None = Field(description="Upper end; null without one.")
    joules_per_request: Finite = Field(description="Facility energy over requests: the effective energy.")


class RateRow(DocumentPart):
    """All pools at one rate."""

    rate_per_s: Finite
    pool: str | None = Field(description="The best by the numbers; null where none can serve the rate.")
    certain: bool = Field(description="Whether every other pool certainly costs more.")
    pools: tuple[PoolRow, ...] = Field(description="Those that can serve the rate, in the order given.")
    mix: Mix | None = Field(description="Null where no mix saves a worthwhile share.")


class Routing(Document):
    """Which pool serves a workload with the least energy, by load."""

    schema_name: Literal["energygate/routing/1"] = Field(alias="schema", default="energygate/routing/1")
    energygate_version: str
    workload: str
    latency: LatencyLimit
    rates: Rates
    pools: tuple[RoutedPool, ...]
    thresholds: tuple[Threshold, ...]
    bands: tuple[Band, ...]
    rows: tuple[RateRow, ...] = Field(description="At round rates and at thresholds, in rising order.")
    notes: tuple[str, ...] = Field(description="What to know before trusting the plan.")


def read_routing(path: str) -> Routing:
    """Read a plan's file.

    Raises:
        UsageError: It cannot be read, or is not a plan; one sentence.
    """
    name = printable(path, max_length=_MAX_QUOTE)
    try:
        with Path(path).open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"cannot read the plan: {why}", where=name) from None
    if len(content) > MAX_BYTES:
        raise UsageError(f"the plan is larger than {MAX_BYTES / 1e6:.0f} MB", where=name)
    try:
        routing = Routing.model_validate(json.loads(content.decode("utf-8-sig")))
    except (ValidationError, ValueError, RecursionError) as error:
        why = first_mistake(error) if isinstance(error, ValidationError) else "it is not JSON"
        raise UsageError(
            f"this file was not written by energygate route: {why}",
            where=name,
            hint="Write it again with energygate route --json",
        ) from None
    known = {one.name for one in routing.pools if one.unfit is None}
    unknown = [pool for one in routing.thresholds for pool in (one.below, one.above) if pool not in known]
    if unknown:
        pool = quote(unknown[0], max_length=_MAX_QUOTE)
        raise UsageError(f"the plan has a threshold of {pool}, which is not one of its pools", where=name)
    return routing
