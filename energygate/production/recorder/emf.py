"""Energy per request in CloudWatch's Embedded Metric Format: log lines that CloudWatch turns into the metric.

For services whose output goes to CloudWatch Logs: Lambda, ECS with `awslogs`, or the CloudWatch agent. The service
sends nothing itself and needs no permission.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from energygate.production.cloudwatch_metric import MetricPoint, UnsentPoints
from energygate.production.metric_names import CLOUDWATCH_DIMENSION, CLOUDWATCH_ENERGY_PER_REQUEST, CLOUDWATCH_NAMESPACE

if TYPE_CHECKING:
    from typing import TextIO

    from energygate.production.recorder.snapshot import Snapshot

MAX_VALUES = 100
"""Members of an array of values, by the format's specification:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html."""


class EmfSink:
    """Writes a line for each workload that served requests.

    CloudWatch weights values by their number, and the format has no counts. So the mean is repeated once per request,
    up to 100 times: among services or replicas that serve more than 100 requests between two exports, all exports
    count alike. The line also has the exact sums, for CloudWatch Logs Insights:
    `stats sum(energy_joules) / sum(requests) by Workload`.

    Args:
        stream: Where lines go; `None`: standard output at the time of the export.
        namespace: Of the metric; the exported alarm reads the default one.
    """

    def __init__(self, stream: TextIO | None = None, *, namespace: str = CLOUDWATCH_NAMESPACE) -> None:
        self._stream = stream
        self._namespace = namespace
        self._unsent = UnsentPoints()

    def export(self, snapshot: Snapshot, since: Snapshot | None) -> None:
        """Write the requests since the last export.

        Raises:
            OSError: The stream cannot be written to.
            ValueError: It is closed.
        """
        points = self._unsent.points(snapshot, since)
        if not points:
            return
        stream = self._stream or sys.stdout
        # A single write, so that lines of other threads do not interleave.
        stream.write("".join(f"{emf_line(point, self._namespace)}\n" for point in points))
        stream.flush()
        self._unsent.mark_sent(points, snapshot)

    def close(self) -> None:
        """Do nothing: there is nothing to release."""


def emf_line(point: MetricPoint, namespace: str = CLOUDWATCH_NAMESPACE) -> str:
    """Return a document of the Embedded Metric Format, without a line break."""
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
