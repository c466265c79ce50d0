"""When alerts fire, in Prometheus' own unit tests of rules: `promtool test rules`."""

from __future__ import annotations

import policies
import pytest
import yaml
from parallel import repeated
from servers import promtool

from energygate.production.export.prometheus import FILE, files

ENERGY = "EnergygateEnergyPerRequestOverBudget"
PAGE = {"severity": "page", "metric": "energy_per_request", "level": "error", "workload": "digits-cnn"}


def series(requests, joules, *, workload="digits-cnn", instance="a:1", pue="1.25x150", **others):
    """One replica's counters, a sample a minute, in promtool's notation."""
    where = f'job="service", instance="{instance}"' + others.get("where", "")
    named = f'{where}, workload="{workload}"'
    values = {
        f'energygate_requests_total{{{named}, outcome="ok"}}': requests,
        f'energygate_requests_total{{{named}, outcome="error"}}': others.get("errors", "0x150"),
        f"energygate_energy_joules_total{{{named}}}": joules,
        f"energygate_idle_energy_joules_total{{{named}}}": others.get("idle", "0+6x150"),
        f"energygate_pue{{{where}}}": pue,
        f"energygate_meter_errors_total{{{where}}}": others.get("meter_errors", "0x150"),
        f"energygate_internal_errors_total{{{where}}}": others.get("internal_errors", "0x150"),
    }
    return [{"series": name, "values": value} for name, value in values.items()]


@pytest.fixture
def judge(tmp_path):
    """Runs what `promtool test rules` makes of counters: what fires at which minute, with which labels."""

    def run(inputs, expected, *, policy=policies.POLICY, expressions=(), interval="1m", matched=({},)):
        exported = {
            f"{number}-{FILE}": files(policies.source(policy), labels=labels)[FILE]
            for number, labels in enumerate(matched)
        }
        for name, text in exported.items():
            (tmp_path / name).write_text(text, encoding="utf-8")
        test = {
            "rule_files": list(exported),
            "evaluation_interval": interval,
            "group_eval_order": ["energygate-rates", "energygate-budgets", "energygate-alerts"],
            "tests": [
                {
                    "interval": interval,
                    "input_series": inputs,
                    "alert_rule_test": [
                        {
                            "eval_time": f"{minute}m",
                            "alertname": alert,
                            "exp_alerts": [{"exp_labels": one[0], "exp_annotations": one[1]} for one in alerts],
                        }
                        for minute, alert, alerts in expected
                    ],
                    "promql_expr_test": [
                        {
                            "expr": expression,
                            "eval_time": f"{minute}m",
                            "exp_samples": [{"labels": "{}", "value": one} for one in values],
                        }
                        for minute, expression, values in expressions
                    ],
                }
            ],
        }
        path = tmp_path / "tests.yml"
        path.write_text(yaml.safe_dump(test, allow_unicode=True), encoding="utf-8")
        code, said = promtool("test", "rules", path)
        assert code == 0, said

    return run


def annotations(value, *, line=10, windows=("the last hour", "5m"), name="digits-cnn"):
    return {
        "summary": f"Energy per request of {name} is over its budget",
        "description": (
            f"Energy per request of {name} is {value} over {windows[0]}, and still over the limit in the last "
            f"{windows[1]}; the limit is 0.5 J (at most 0.5 J, energygate.yml:{line})."
        ),
        "limit": "0.5 J",
        "policy": f"energygate.yml:{line}",
    }


TICKET = {**PAGE, "severity": "ticket"}
SLOW = ("the last 6 hours", "30m")


def test_over_the_limit_pages_and_opens_a_ticket_and_says_what_how_much_and_where(judge):
    over = series("0+60x90", "0+30x90")  # 0.5 J of IT energy, 0.625 J at the facility
    judge(over, [(65, ENERGY, [(PAGE, annotations("625mJ")), (TICKET, annotations("625mJ", windows=SLOW))])])


def test_equal_to_the_limit_does_not_alert(judge):
    judge(series("0+60x90", "0+24x90"), [(minute, ENERGY, []) for minute in (10, 65)])


def test_without_traffic_nothing_alerts(judge):
    quiet = series("6000x150", "9000x150", idle="0+6000x150")
    alerts = (ENERGY, "EnergygateNoData", "EnergygateNoEnergy", "EnergygateErrorsOverBudget")
    silent = "workload:energygate_energy_per_request_joules:rate5m"  # not even NaN
    judge(
        quiet,
        [(minute, alert, []) for alert in alerts for minute in (65, 130)],
        expressions=[(65, silent, []), (65, "sum(workload:energygate_power_watts:rate5m)", [125])],
    )


def test_an_alert_resolves_soon_after_its_cause_is_gone(judge):
    fixed = series("0+60x150", "0+50x90 4500+12x60")
    judge(
        fixed,
        [
            (90, ENERGY, [(PAGE, annotations("1.042J")), (TICKET, annotations("1.042J", windows=SLOW))]),
            (100, ENERGY, [(TICKET, annotations("960mJ", windows=SLOW))]),  # no page, and the hour is still over
            (125, ENERGY, []),
        ],
    )


def test_a_short_burst_does_not_page(judge):
    burst = series("0+60x150", "0+12x90 1140+60x5 1452+12x60")  # 1.25 J for five minutes, 0.25 J before and after
    judge(burst, [(minute, ENERGY, []) for minute in range(90, 110)])


def test_warm_up_does_not_page(judge):
    judge(series("0+60x30", "0 600+12x30"), [(minute, ENERGY, []) for minute in (1, 2)])


def test_a_limit_of_level_warn_does_not_page(judge):
    policy = policies.policy_with("energy_per_request: {max: 0.5 J, level: warn}")
    judge(
        series("0+60x90", "0+30x90"),
        [(65, ENERGY, [({**TICKET, "level": "warn"}, annotations("625mJ", line=7, windows=SLOW))])],
        policy=policy,
    )


def test_a_limit_of_level_off_has_no_alert(judge):
    policy = policies.policy_with("energy_per_request: {max: 0.5 J, level: 'off'}", "success_rate: 99 %")
    judge(series("0+60x90", "0+30x90"), [(65, ENERGY, [])], policy=policy)


def test_a_replica_that_has_ended_keeps_its_energy_in_the_window_as_its_requests(judge):
    both = series("0+60x30", "0+24x30", instance="old:1", pue="1.25x30") + series(
        "_x30 0+60x60", "_x30 0+24x60", instance="new:1", pue="_x30 1.25x60", errors="_x30 0x60"
    )
    hour = "round(workload:energygate_energy_per_request_joules:rate1h, 0.01)"
    judge(both, [], expressions=[(minute, f"sum({hour})", [0.5]) for minute in (20, 45, 60, 80)])


def test_pue_is_multiplied_once_and_idling_counts_as_energy_of_all(judge):
    workload = series("0+60x90", "0+24x90", idle="0+36x90")
    rates = {
        "energygate_energy_per_request_joules:rate5m": 0.5,
        "energygate_effective_energy_per_request_joules:rate5m": 1.25,
        "energygate_power_watts:rate5m": 1.25,
        "energygate_requests_per_second:rate5m": 1,
        "energygate_monthly_energy_kwh:rate6h": 0.9131,  # 730.5 h of 1.25 W
        "energygate_pue": 1.25,
        "energygate_budget_joules": 0.5,
    }
    minute = 90
    partial = minute / 360  # of the 6 hours there are only so many
    rates["energygate_monthly_energy_kwh:rate6h"] *= partial
    expressions = [(minute, f"sum(round(workload:{name}, 0.0001))", [round(value, 4)]) for name, value in rates.items()]
    judge(workload, [], expressions=expressions)


def test_failed_requests_beyond_the_policys_share_page(judge):
    alert, labels = "EnergygateErrorsOverBudget", {**PAGE, "metric": "success_rate"}
    limit = "0.01 of the requests (at least 99 %, energygate.yml:12)"

    def said(window, short):
        return {
            "summary": "The share of failed requests of digits-cnn is over its budget",
            "description": (
                f"The share of failed requests of digits-cnn is 2% over {window}, and still over the limit "
                f"in the last {short}; the limit is {limit}."
            ),
            "limit": "99 %",
            "policy": "energygate.yml:12",
        }

    broken = series("0+98x90", "0+1x90", errors="0+2x90")
    both = [(labels, said("the last hour", "5m")), ({**labels, "severity": "ticket"}, said(*SLOW))]
    judge(broken, [(65, alert, both)])
    judge(series("0+99x90", "0+1x90", errors="0+1x90"), [(65, alert, [])])  # at the limit


def test_a_month_is_extrapolated_from_a_day(judge):
    policy = policies.policy_with("monthly_energy: {max: 1 kWh}", site=TRAFFIC)
    labels = {**TICKET, "metric": "monthly_energy"}
    said = {
        "summary": "Energy per month of digits-cnn is over its budget",
        "description": (
            "Energy per month of digits-cnn is 4.566 kWh at the pace of the last day, and still over the limit in "
            "the last 6h; the limit is 1 kWh (at most 1 kWh, energygate.yml:7)."
        ),
        "limit": "1 kWh",
        "policy": "energygate.yml:7",
    }
    alert = "EnergygateMonthlyEnergyOverBudget"
    costly = series("0+60x40", "0+6000x40", idle="0+6000x40")  # 40 W for 3 hours: 5 W over the day
    judge(costly, [(180, alert, [(labels, said)])], policy=policy, interval="5m")
    frugal = series("0+60x40", "0+1200x40", idle="0+1200x40")
    judge(frugal, [(180, alert, [])], policy=policy, interval="5m")


def test_a_quiet_night_does_not_exceed_the_daily_mean(judge):
    """CI holds a mean over `site.traffic`'s day, in which idling of the night is shared by the day's requests."""
    alert = "EnergygateEffectiveEnergyPerRequestOverBudget"
    night_and_day = series("0+300x143 42900+3x150", "0x300", idle="0+300x300", errors="0x300", pue="1.25x300")
    kept = policies.policy_with("effective_energy_per_request: {max: 4 J}", site=TRAFFIC)
    judge(
        night_and_day, [(24 * 60, alert, [])], policy=kept, interval="5m"
    )  # 125 J in the hours before, 2.5 J of the day
    broken = policies.policy_with("effective_energy_per_request: {max: 2 J}", site=TRAFFIC)
    said = {
        "summary": "Energy per request with idling of digits-cnn is over its budget",
        "description": (
            "Energy per request with idling of digits-cnn is 2.492J over the last day, and still over the limit in "
            "the last 6h; the limit is 2 J (at most 2 J, energygate.yml:7)."
        ),
        "limit": "2 J",
        "policy": "energygate.yml:7",
    }
    labels = {**TICKET, "metric": "effective_energy_per_request"}
    judge(night_and_day, [(24 * 60, alert, [(labels, said)])], policy=broken, interval="5m")


TRAFFIC = "{pue: 1.25, traffic: {requests_per_day: 1000}}"


def test_a_silent_service_alerts_unless_it_may_scale_to_zero(judge):
    said = {
        "summary": "No data from digits-cnn",
        "description": (
            "No energygate_requests_total of digits-cnn for 15m: its service is not scraped, is down, or runs "
            "without energygate.Recorder, and none of its budgets is checked."
        ),
        "policy": "energygate.yml:7",
    }
    gone = series("0+60x30 _x60", "0+24x30 _x60", errors="0x30")
    labels = {"severity": "ticket", "workload": "digits-cnn"}
    judge(gone, [(40, "EnergygateNoData", []), (50, "EnergygateNoData", [(labels, said)])])
    rests = policies.policy_with(
        "energy_per_request: {max: 0.5 J}",
        site="{traffic: {requests_per_day: 9, scale_to_zero_after: 5 min}}",
    )
    judge(gone, [(50, "EnergygateNoData", [])], policy=rests)


def test_requests_without_energy_alert(judge):
    said = {
        "summary": "Requests to digits-cnn seem to cost no energy",
        "description": (
            "digits-cnn answers requests, and its meter counted 0 J for them in the last 30m; none of its "
            "budgets on energy is checked."
        ),
        "policy": "energygate.yml:7",
    }
    labels = {"severity": "ticket", "workload": "digits-cnn"}
    judge(series("0+60x50", "0x50"), [(45, "EnergygateNoEnergy", [(labels, said)]), (45, ENERGY, [])])


def other_pue(pue):
    said = {
        "summary": "digits-cnn uses another PUE than the policy",
        "description": (
            f"Replicas of digits-cnn with a PUE of {pue}: 1. The policy has 1.25 "
            "(energygate.yml:3): deploy them with this policy."
        ),
        "policy": "energygate.yml:3",
    }
    return {"severity": "ticket", "workload": "digits-cnn", "pue": pue}, said


@pytest.mark.parametrize("pue", [*repeated("1.1"), "1.4"])
def test_a_replica_with_another_pue_alerts(judge, pue):
    alert, right = "EnergygateOtherPue", series("0+60x50", "0+1x50", instance="b:1")
    judge(right, [(40, alert, [])])
    wrong = series("0+60x50", "0+1x50", pue=f"{pue}x50")
    judge(wrong, [(40, alert, [other_pue(pue)])])
    judge([*right, *wrong], [(40, alert, [other_pue(pue)])])


TROUBLES = {
    "EnergygateMeterErrors": (
        "meter_errors",
        "The energy meter of a:1 fails",
        (
            "3 readings failed on a:1 in the last 15m; their energy is missing, so that budgets are compared with too "
            "little."
        ),
    ),
    "EnergygateRecorderErrors": (
        "internal_errors",
        "The Recorder of a:1 has errors of its own",
        (
            "3 errors on a:1 in the last 15m that are not its meter's; requests or their energy may be missing. "
            "Its log has the first of each kind: look for energygate.recorder."
        ),
    ),
}


@pytest.mark.parametrize("alert", ["EnergygateMeterErrors", *repeated("EnergygateRecorderErrors")])
def test_errors_of_a_recorder_alert_and_resolve(judge, alert):
    counter, summary, description = TROUBLES[alert]
    failing = series("0+60x60", "0+1x60", **{counter: "0x10 3x50"})
    labels = {"severity": "ticket", "job": "service", "instance": "a:1"}
    said = {"summary": summary, "description": description}
    judge(failing, [(5, alert, []), (18, alert, [(labels, said)]), (40, alert, [])])
    (other,) = TROUBLES.keys() - {alert}
    judge(failing, [(18, other, [])])


def test_a_name_with_special_characters_survives_queries_templates_and_labels(judge):
    policy = policies.policy_with("energy_per_request: {max: 0.5 J}", name=policies.HOSTILE)
    labels = {**PAGE, "workload": policies.HOSTILE}
    about = {"line": 7, "name": policies.HOSTILE}
    name = policies.HOSTILE.replace("\\", "\\\\").replace('"', '\\"')
    both = [
        (labels, annotations("625mJ", **about)),
        ({**labels, "severity": "ticket"}, annotations("625mJ", windows=SLOW, **about)),
    ]
    judge(series("0+60x90", "0+30x90", workload=name), [(65, ENERGY, both)], policy=policy)


def test_two_exports_on_one_prometheus_do_not_mix(judge):
    """The same workloads in two namespaces: series recorded by one file alone would be of both."""
    staging = series("0+60x90", "0+30x90", where=', namespace="staging"')
    production = series("0+60x90", "0+12x90", instance="b:1", where=', namespace="production"')
    rate, budget = "workload:energygate_energy_per_request_joules:rate5m", "workload:energygate_budget_joules"
    here = {"namespace": "staging"}
    failing = series("0+60x90", "0+1x90", meter_errors="0x60 3x30", where=', namespace="staging"', workload="other")
    judge(
        [*staging, *production],
        [
            (65, ENERGY, [({**one, **here}, said) for one, said in BOTH]),
            (65, "EnergygateNoData", []),
        ],
        expressions=[
            (65, f'sum({rate}{{namespace="staging"}})', [0.625]),
            (65, f'sum({rate}{{namespace="production"}})', [0.25]),
            (65, f"count({rate})", [2]),
            (65, f"count({budget})", [2]),
        ],
        matched=[here, {"namespace": "production"}],
    )
    labels = {"severity": "ticket", "job": "service", "instance": "a:1", **here}
    said = {
        "summary": "The energy meter of a:1 fails",
        "description": (
            "3 readings failed on a:1 in the last 15m; their energy is missing, so that budgets are compared with "
            "too little."
        ),
    }
    judge(failing, [(65, "EnergygateMeterErrors", [(labels, said)])], matched=[here])


BOTH = [(PAGE, annotations("625mJ")), (TICKET, annotations("625mJ", windows=SLOW))]


def durations(within, *, beyond, last="1"):
    """A histogram that ends at `last` seconds: requests each minute within a tenth of a second, and beyond its end."""
    where = 'job="service", instance="a:1", workload="digits-cnn"'
    counts = {"0.1": within, last: within, "+Inf": within + beyond}
    return [
        {
            "series": f'energygate_request_duration_seconds_bucket{{{where}, le="{bound}"}}',
            "values": f"0+{count}x90",
        }
        for bound, count in counts.items()
    ]


def test_a_limit_beyond_the_largest_bucket_alerts(judge):
    """The quantile of what has no upper bound is the last bound, which no limit above it is ever under."""
    alert, over = "EnergygateLatencyNotTold", "EnergygateLatencyP95OverBudget"
    labels = {"severity": "ticket", "workload": "digits-cnn", "metric": "latency_p95"}
    said = {
        "summary": "Cannot tell whether latency p95 of digits-cnn is over its budget",
        "description": (
            "Latency p95 of digits-cnn is over 1s, where the histogram of its service ends, and the limit is 30 s "
            "(at most 30 s, energygate.yml:7): give energygate.Recorder this policy, with that limit as max."
        ),
        "policy": "energygate.yml:7",
    }
    policy = policies.policy_with("latency_p95: {max: 30 s}")
    counters = series("0+60x90", "0+1x90")
    slow = [*counters, *durations(50, beyond=10)]
    judge(slow, [(65, alert, [(labels, said)]), (65, over, [])], policy=policy)
    judge([*counters, *durations(58, beyond=2)], [(65, alert, [])], policy=policy)  # 97 % are within the bounds
    limited = policies.policy_with("latency_p95: {max: 500 ms}")
    judge(slow, [(65, alert, [])], policy=limited)
