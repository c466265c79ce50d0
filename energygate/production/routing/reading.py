"""Reading a plan that `energygate route --json` wrote: for exporters, which act on it."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import ValidationError

from energygate.errors import UsageError
from energygate.production.routing.document import Routing
from energygate.text import printable

MAX_BYTES = 10_000_000
"""Ten pools of 10,000 replicas each, whose bands all differ, are half of that."""

_LONGEST = 120


def read_routing(path: str) -> Routing:
    """Read a plan's file.

    Raises:
        UsageError: It cannot be read, or is no plan; one sentence.
    """
    name = printable(path, max_length=_LONGEST)
    try:
        with Path(path).open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"the plan cannot be read: {why}", where=name) from None
    if len(content) > MAX_BYTES:
        raise UsageError(f"the plan has over {MAX_BYTES / 1e6:.0f} MB", where=name)
    try:
        routing = Routing.model_validate(json.loads(content.decode("utf-8-sig")))
    except (ValidationError, ValueError, RecursionError) as error:
        raise UsageError(
            f"this is no plan of energygate route: {_why(error)}",
            where=name,
            hint="Write it anew with energygate route --json",
        ) from None
    known = {one.name for one in routing.pools if one.unfit is None}
    strangers = [pool for one in routing.thresholds for pool in (one.below, one.above) if pool not in known]
    if strangers:
        stranger = printable(strangers[0], max_length=_LONGEST)
        raise UsageError(f"the plan has a threshold of '{stranger}', which is none of its pools", where=name)
    return routing


def _why(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return "it is not JSON"
    details = error.errors(include_url=False, include_context=False, include_input=False)[0]
    path = ".".join(map(str, details["loc"]))
    return f"{printable(path, max_length=_LONGEST)}: {details['msg'][:1].lower()}{details['msg'][1:]}"
