"""Energy per request sent to CloudWatch with `PutMetricData`, through boto3 (`pip install 'energygate[aws]'`)."""

from __future__ import annotations

import os
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from energygate.extras import require
from energygate.production.cloudwatch_metric import MetricPoint, UnsentPoints
from energygate.production.metric_names import CLOUDWATCH_DIMENSION, CLOUDWATCH_ENERGY_PER_REQUEST, CLOUDWATCH_NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Callable

    from energygate.production.recorder.snapshot import Snapshot

MAX_BATCH = 1000
"""Metrics in one request:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html."""

CONNECT_SECONDS, READ_SECONDS, ATTEMPTS = 3, 5, 2
"""An unresponsive network delays the sinks no longer; what was not sent goes with the next export."""


class PutMetricDataSink:
    """Sends a statistic set for each workload that served requests, so that CloudWatch's averages are per request.

    What AWS rejects, for lack of credentials or permission or by throttling, is sent again with the next export; the
    recorder counts and logs the error, and the service is not affected.

    Args:
        namespace: Of the metric; the exported alarm reads the default one, and the role must allow
            `cloudwatch:PutMetricData`.
        region: AWS region; `None`: as boto3 determines it.
        client: Creates a client for CloudWatch, called in each process; `None`: boto3 with short timeouts.

    Raises:
        UsageError: boto3 is not installed.
    """

    def __init__(
        self,
        *,
        namespace: str = CLOUDWATCH_NAMESPACE,
        region: str | None = None,
        client: Callable[[], Any] | None = None,
    ) -> None:
        if client is None:
            require("aws", purpose="PutMetricDataSink")
        self._namespace = namespace
        self._make = client or (lambda: _client(region))
        self._client: Any = None
        self._process = 0
        self._unsent = UnsentPoints()

    def export(self, snapshot: Snapshot, since: Snapshot | None) -> None:
        """Send the requests since the last export. The recorder counts what boto3 raises."""
        points = self._unsent.points(snapshot, since)
        for first in range(0, len(points), MAX_BATCH):
            batch = points[first : first + MAX_BATCH]
            self._own_client().put_metric_data(
                Namespace=self._namespace, MetricData=[metric_datum(point) for point in batch]
            )
            self._unsent.mark_sent(batch, snapshot)

    def close(self) -> None:
        """Close the connections."""
        if self._client is not None and self._process == os.getpid():
            self._client.close()
        self._client = None

    def _own_client(self) -> Any:  # noqa: ANN401 - boto3 creates clients at run time
        """Return this process's client: connections must not be shared with the process that forked it."""
        if self._client is None or self._process != os.getpid():
            self._client, self._process = self._make(), os.getpid()
        return self._client


def metric_datum(point: MetricPoint) -> dict[str, Any]:
    """Return a point as a statistic set: the number of requests, and their energy together."""
    mean = point.energy_per_request_joules
    return {
        "MetricName": CLOUDWATCH_ENERGY_PER_REQUEST,
        "Dimensions": [{"Name": CLOUDWATCH_DIMENSION, "Value": point.workload}],
        "Timestamp": datetime.fromtimestamp(point.time_seconds, timezone.utc),
        "StatisticValues": {
            "SampleCount": float(point.requests),
            "Sum": point.energy_joules,
            "Minimum": mean,  # the meter knows only the sum
            "Maximum": mean,
        },
    }


def _client(region: str | None) -> Any:  # noqa: ANN401
    import boto3
    from botocore.config import Config

    limits = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
    )
    # A session of its own: boto3's default one is not thread-safe.
    return boto3.session.Session().client("cloudwatch", region_name=region, config=limits)
