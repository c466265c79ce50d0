"""The dashboard, as Grafana's own SDK understands it; `test_live_prometheus` asks its queries."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import policies
import pytest
from builders import SiteResult, metric_result, result, workload_result

from energygate.errors import PolicyError
from energygate.production.export.documents import MARK
from energygate.production.export.grafana import FILE, carbon_rate, files

ROOMS = ("Energy per request", "Energy", "Carbon and cost", "Service")


@pytest.fixture(autouse=True)
def sdk():
    return pytest.importorskip("grafana_foundation_sdk", reason="Grafana's SDK needs Python 3.11")


def dashboard(text=policies.POLICY, *, options=None, **fields):
    return json.loads(files(policies.source(text, **fields), **(options or {}))[FILE])


def panels(document):
    return {one["title"]: one for one in document["panels"] if one["type"] != "row"}


def test_the_sdk_reads_it_as_it_was_written():
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.cog.plugins import register_default_plugins
    from grafana_foundation_sdk.models.dashboard import Dashboard

    register_default_plugins()
    document = dashboard(policies.ALL_HELD)
    again = json.loads(JSONEncoder().encode(Dashboard.from_json(document)))
    for annotation in document["annotations"]["list"]:  # keys of Prometheus' data source, of which it knows nothing
        for key in ("titleFormat", "textFormat", "step"):
            del annotation[key]
    assert again == document


def test_the_panels_of_the_dashboard():
    document = dashboard()
    assert [one["title"] for one in document["panels"] if one["type"] == "row"] == [*ROOMS]
    assert set(panels(document)) == {
        "Energy per request",
        "Effective against active",
        "Power",
        "Energy in this period",
        "PUE",
        "Energy per month",
        "Errors",
        "Meters",
        "Carbon per hour",
        "Carbon in this period",
        "Cost per hour",
        "Cost in this period",
        "Latency p95",
        "Failed requests",
        "Requests",
    }
    assert {one["name"] for one in document["annotations"]["list"]} == {"Deployments", "Replicas started"}
    assert [one["name"] for one in document["templating"]["list"]] == ["datasource", "workload"]


def test_panels_have_ids_of_their_own_and_do_not_overlap():
    shown = dashboard(policies.ALL_HELD)["panels"]
    assert len({one["id"] for one in shown}) == len(shown)
    taken = set()
    for place in (one["gridPos"] for one in shown):
        cells = {(place["x"] + right, place["y"] + down) for right in range(place["w"]) for down in range(place["h"])}
        assert place["x"] + place["w"] <= 24
        assert not cells & taken
        taken |= cells


def test_every_query_asks_the_chosen_data_source():
    for panel in panels(dashboard()).values():
        for target in panel["targets"]:
            assert target["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


def test_limits_are_dashed_and_name_their_line_of_the_policy():
    panel = panels(dashboard())["Energy per request"]
    (override,) = panel["fieldConfig"]["overrides"]
    assert override["matcher"] == {"id": "byFrameRefID", "options": "B"}
    assert panel["targets"][1]["expr"] == 'workload:energygate_budget_joules{workload=~"$workload"}'
    assert "- `digits-cnn`: `0.5 J (at most 0.5 J, energygate.yml:10)`" in panel["description"]


def test_every_query_selects_only_matched_series():
    """Two exports for one Prometheus: each dashboard shows its own namespace, what is recorded among it."""
    document = dashboard(policies.ALL_HELD, options={"labels": {"namespace": "staging"}})
    queries = [target["expr"] for panel in panels(document).values() for target in panel["targets"]]
    selectors = [found for query in queries for found in re.findall(r"energygate_[\w:]+(?:{.*?})?", query)]
    assert len(selectors) > 30
    assert [one for one in selectors if 'namespace="staging"' not in one] == []


def test_carbon_and_cost_follow_the_site_and_are_left_out_without_it():
    shown = panels(dashboard())
    assert shown["Carbon per hour"]["targets"][0]["expr"].endswith("/ 1000 * 400.0")
    assert shown["Cost per hour"]["targets"][0]["expr"].endswith("/ 1000 * 0.25")
    assert "`energygate.yml:4`" in shown["Carbon per hour"]["description"]
    bare = dashboard(policies.policy_with("energy_per_request: 1 J"))
    assert not {title for title in panels(bare) if "Carbon" in title or "Cost" in title}


def test_carbon_comes_from_the_policys_place_or_else_from_the_latest_result():
    german = policies.policy_with("energy_per_request: 1 J", site="{carbon: {country: DEU}}")
    assert 200 < carbon_rate(policies.source(german)).per_kwh < 600
    site = SiteResult(pue=1.0, carbon_g_per_kwh=123.0, carbon_source="DEU", electricity_price=None)
    measured = result(workload_result(metrics={"energy_per_request": metric_result()}), site=site)
    bare = policies.policy_with("energy_per_request: 1 J")
    assert carbon_rate(policies.source(bare, result=measured)).per_kwh == 123.0
    assert carbon_rate(policies.source(bare)) is None
    nowhere = policies.policy_with("energy_per_request: 1 J", site="{carbon: {country: XYZ}}")
    with pytest.raises(PolicyError, match="XYZ") as caught:
        carbon_rate(policies.source(nowhere))
    assert caught.value.where == "energygate.yml:2"


def test_another_title_is_another_dashboard():
    first, second = dashboard(), dashboard(options={"title": "Ours"})
    assert second["title"] == "Ours"
    assert first["uid"] != second["uid"]
    assert len(second["uid"]) <= 40  # Grafana takes no longer ones


def test_a_name_with_special_characters_stays_text():
    name = "<img src=x onerror=alert(1)> [a](javascript:b) `c`"
    document = dashboard(policies.policy_with("energy_per_request: 1 J", name=name))
    description = panels(document)["Energy per request"]["description"]
    assert "<img" not in description
    assert "](javascript" not in description


def test_the_same_policy_gives_the_same_file_and_says_who_made_it():
    assert files(policies.source()) == files(policies.source())
    assert dashboard()["description"].startswith(f"{MARK} grafana from energygate.yml")


def test_without_the_sdk_there_is_one_clear_sentence(tmp_path):
    (tmp_path / "energygate.yml").write_text(policies.POLICY, encoding="utf-8")
    hide = "import sys; sys.modules['grafana_foundation_sdk'] = None; from energygate.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", hide, "export", "grafana"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == (
        "energygate: the dashboard needs grafana_foundation_sdk: "
        "pip install 'energygate[grafana]', with Python 3.11 or newer\n"
    )
