"""A service under load: its Recorder agrees with what a real Prometheus computes."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from prometheus_client.parser import text_string_to_metric_families

from energygate.production import metric_names
from energygate.production.export import records

REQUESTS = 300
LIVE = '{workload="live"}'
IMAGE = json.dumps({"image": [[0.5] * 8] * 8}).encode()


def own_totals(service):
    """The service's own metrics, summed over outcomes."""
    found = {}
    for family in text_string_to_metric_families(service.request("/metrics")):
        for sample in family.samples:
            found[sample.name] = found.get(sample.name, 0.0) + sample.value
    return found


def test_energy_per_request_under_load_is_what_the_recorder_counted(prometheus, live):
    prometheus.wait_for(f"{metric_names.ENERGY}{LIVE}")  # the first scrape is before the first request
    with ThreadPoolExecutor(4) as clients:
        answers = list(clients.map(lambda _: live.request("/predict", method="POST", body=IMAGE), range(REQUESTS)))
    assert len({json.loads(answer)["digits"][0] for answer in answers}) == 1

    def recorded(found):
        """The last requests are counted, and their energy is read, a little later; Prometheus looks after that."""
        own = own_totals(live)
        assert own[metric_names.REQUESTS] <= REQUESTS
        assert own[metric_names.PUE] == 1.25
        expected = own[metric_names.ENERGY] / REQUESTS * own[metric_names.PUE]
        counted = own[metric_names.REQUESTS] == REQUESTS
        return counted and found and 0 < found[0][1] == pytest.approx(expected, rel=1e-6)

    ((_, value),) = prometheus.wait_for(records.rate(records.ENERGY_PER_REQUEST, "5m") + LIVE, recorded)
    effective = records.rate(records.EFFECTIVE_ENERGY_PER_REQUEST, "5m") + LIVE
    prometheus.wait_for(effective, lambda found: found and found[0][1] > value)
