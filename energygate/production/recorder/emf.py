"""Energy per request as CloudWatch's Embedded Metric Format: lines in a log, of which CloudWatch makes the metric.

For services whose output goes to CloudWatch Logs: Lambda, ECS with `awslogs`, or the CloudWatch agent. Nothing is sent
from here, and no permission is needed.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from energygate.production.cloudwatch_metric import MetricPoint, UnsentPoints
from energygate.production.names import (
    CLOUDWATCH_DIMENSION,
    CLOUDWATCH_ENERGY_PER_REQUEST,
    CLOUDWATCH_NAMESPACE,
)

if TYPE_CHECKING:
    from typing import TextIO

    from energygate.production.recorder.snapshot import Snapshot

MAX_VALUES = 100
"""Members of an array of values, says the format's specification:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html."""


class EmfSink:
    """Writes a line for each workload that served requests.

    CloudWatch weighs values by how many there are, and the format knows no counts. So a mean is given as often as
    there were requests, up to 100 times: between services, or their replicas, that serve more than 100 requests from
    one export to the next, each export counts alike. The exact sums stand beside it, for CloudWatch Logs Insights:
    `stats sum(energy_joules) / sum(requests) by Workload`.

    Args:
        stream: Where lines go; `None`: standard output, as it is at that time.
        namespace: Of the metric; the exported alarm looks into the default one.
    """

    def __init__(self, stream: TextIO | None = None, *, namespace: str = CLOUDWATCH_NAMESPACE) -> None:
        self._stream = stream
        self._namespace = namespace
        self._unsent = UnsentPoints()

    def export(self, snapshot: Snapshot, since: Snapshot | None) -> None:
        """Write what has come to be.

        Raises:
            OSError: The stream cannot be written to.
            ValueError: It is closed.
        """
        points = self._unsent.points(snapshot, since)
        if not points:
            return
        stream = self._stream or sys.stdout
        # In one piece: other threads' lines come before or after, not between.
        stream.write("".join(f"{emf_line(point, self._namespace)}\n" for point in points))
        stream.flush()
        self._unsent.settle(points, snapshot)

    def close(self) -> None:
        """Nothing is held."""


def emf_line(point: MetricPoint, namespace: str = CLOUDWATCH_NAMESPACE) -> str:
    """One document of the Embedded Metric Format, without a line's end."""
    value = float(f"{point.energy_per_request_joules:.9g}")
    document = {
        "_aws": {
            "Timestamp": round(point.time_seconds * 1000),
            "CloudWatchMetrics": [
                {
                    "Namespace": namespace,
                    "Dimensions": [[CLOUDWATCH_DIMENSION]],
                    "Metrics": [{"Name": CLOUDWATCH_ENERGY_PER_REQUEST}],
                }
            ],
        },
        CLOUDWATCH_DIMENSION: point.workload,
        CLOUDWATCH_ENERGY_PER_REQUEST: [value] * min(point.requests, MAX_VALUES),
        "requests": point.requests,
        "energy_joules": point.energy_joules,
        "idle_energy_joules": point.idle_energy_joules,
    }
    return json.dumps(document, allow_nan=False)
