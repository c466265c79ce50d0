"""A Prometheus and a Pushgateway for the tests of a module, ended with it so that they do not disturb later tests."""

from __future__ import annotations

import policies
import pytest
from expositions import Exposition, exposed
from servers import job, running_prometheus, running_pushgateway, running_service

from energygate.production.export.openmetrics import FILE as RESULT_FILE
from energygate.production.export.openmetrics import files as openmetrics_files
from energygate.production.export.prometheus import FILE as RULES_FILE
from energygate.production.export.prometheus import files as rules_files


@pytest.fixture(scope="module")
def pushgateway(tmp_path_factory):
    """A Pushgateway that CI has pushed a result to."""
    with running_pushgateway(tmp_path_factory.mktemp("pushgateway")) as server:
        text = openmetrics_files(policies.measured())[RESULT_FILE]
        server.request("/metrics/job/energygate", method="POST", body=text.encode())
        yield server


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    """The fixture service, whose workload is called `live`."""
    directory = tmp_path_factory.mktemp("live")
    policy = directory / "energygate.yml"
    policy.write_text(policies.policy_with("energy_per_request: {max: 1 J}", name="live"), encoding="utf-8")
    arguments = ("--policy", policy, "--workload", "live", "--sample-interval", "0.2")
    with running_service(directory, *arguments) as server:
        yield server


@pytest.fixture(scope="module")
def prometheus(live, pushgateway, tmp_path_factory):
    """A Prometheus that scrapes services of three workloads and the Pushgateway, and evaluates the exported rules."""
    directory = tmp_path_factory.mktemp("prometheus")
    rules = directory / RULES_FILE
    rules.write_text(rules_files(policies.source(policies.ALL_HELD))[RULES_FILE], encoding="utf-8")
    costly = Exposition(policies.HOSTILE, joules=100.0, idle_joules=0.0)
    with exposed(Exposition("digits-cnn"), costly) as service:
        jobs = [job("service", service), job("live", live.address)]
        jobs += [job("pushgateway", pushgateway.address, honor_labels=True)]
        with running_prometheus(directory, scrape=jobs, rules=[rules]) as server:
            yield server
