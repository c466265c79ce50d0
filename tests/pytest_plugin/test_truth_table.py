"""Options, marker, ini file and outcome: what is measured, which limit decides, and the exit code."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

OK, FAILED, USAGE = 0, 1, 4

WIDE, NARROW, CLOSE = "0.5mWh", "0.3mWh", "0.4mWh"
"""Limits that the stand-in's 0.4 mWh (0.38 to 0.42) keeps, breaks, and is too close to."""

NOTHING = None


def marked(limit):
    mark = "" if limit is NOTHING else f"@pytest.mark.energy(max={limit!r})\n"
    return f"{mark}def test_it(energy):\n    assert energy(len, 'abc') == 3\n"


# What the option, the marker and the ini file say, whether something is measured, and what comes of it.
BUDGETS = [
    # nothing asks for measuring
    (NOTHING, NOTHING, NOTHING, "", "", "unmeasured"),
    (NOTHING, NARROW, NOTHING, "", "", "not measured"),
    (NOTHING, NARROW, NARROW, "", "", "not measured"),
    (NOTHING, NOTHING, NARROW, "", "", "unmeasured"),
    # any option turns it on, and so does the ini file's `energy`
    (WIDE, NOTHING, NOTHING, "", "", "pass"),
    (NARROW, NOTHING, NOTHING, "", "", "fail"),
    (CLOSE, NOTHING, NOTHING, "", "", "inconclusive"),
    (NOTHING, NARROW, NOTHING, "--energy-time 3s", "", "fail"),
    (NOTHING, CLOSE, NOTHING, "--energy", "", "inconclusive"),
    (NOTHING, NOTHING, NARROW, "", "energy = always", "fail"),
    (NOTHING, NOTHING, WIDE, "", "energy = always", "pass"),
    (NOTHING, NARROW, NOTHING, "", "energy = always", "fail"),
    # off beats everything
    (NARROW, NARROW, NARROW, "--energy-off", "energy = always", "not measured"),
    (NOTHING, NARROW, NOTHING, "--energy-off", "energy = always", "not measured"),
    # strict
    (CLOSE, NOTHING, NOTHING, "--energy-strict", "", "strict"),
    (NOTHING, CLOSE, NOTHING, "--energy", "energy_strict = true", "strict"),
    (NOTHING, CLOSE, NOTHING, "--energy", "energy_strict = false", "inconclusive"),
    (WIDE, NOTHING, NOTHING, "--energy-strict", "", "pass"),
]


@pytest.mark.parametrize(("option", "marker", "ini", "switch", "more_ini", "outcome"), BUDGETS)
def test_which_limit_decides(suite, *, option, marker, ini, switch, more_ini, outcome):
    arguments = [*switch.split(), *([] if option is NOTHING else ["--energy-budget", option])]
    lines = [more_ini, *([] if ini is NOTHING else [f"energy_budget = {ini}"])]
    found = suite(marked(marker), *arguments, ini="\n".join(lines))
    fails = outcome in {"fail", "strict"}
    found.assert_outcomes(passed=not fails, failed=fails, warnings=1 if outcome == "inconclusive" else 0)
    assert found.ret == (FAILED if fails else OK)
    text = found.stdout.str()
    assert ("= energy =" in text) == (outcome != "unmeasured")
    assert ("not measured" in text) == (outcome == "not measured")
    if outcome in {"fail", "inconclusive", "strict"}:
        assert "energy per request 0.400 mWh (0.380 to 0.420 mWh), limit " in text


LIMITS = [
    # option, ini file:  the test with no marker, with a narrow one, with a wide one
    (NOTHING, NOTHING, "passed failed passed"),
    (NOTHING, NARROW, "failed failed passed"),
    (NOTHING, WIDE, "passed failed passed"),
    (NARROW, NOTHING, "failed failed looser"),
    (NARROW, NARROW, "failed failed looser"),
    (NARROW, WIDE, "failed failed looser"),
    (WIDE, NOTHING, "passed failed passed"),
    (WIDE, NARROW, "passed failed passed"),
    (WIDE, WIDE, "passed failed passed"),
]


@pytest.mark.parametrize("own", ["markers", "policy"])
@pytest.mark.parametrize(("option", "ini", "outcomes"), LIMITS)
def test_a_limit_of_its_own_beats_the_option_which_beats_the_ini_file(suite, *, option, ini, outcomes, own):
    limits = {"none": NOTHING, "narrow": NARROW, "wide": WIDE}
    policy = "version: 1\nworkloads:\n  other: {python: m:f}\n"
    source = ""
    for name, limit in limits.items():
        source += marked(NOTHING if own == "policy" else limit).replace("test_it", f"test_{name}") + "\n"
        if own == "policy" and limit:
            budget = f"budgets: {{energy_per_request: {{max: {limit}}}}}"
            policy += f"  {name}: {{pytest: 'test_it.py::test_{name}', {budget}}}\n"
    arguments = ["--energy", "-rA", *([] if option is NOTHING else ["--energy-budget", option])]
    found = suite(source, *arguments, ini="" if ini is NOTHING else f"energy_budget = {ini}", policy=policy)
    expected = dict(zip(limits, outcomes.split(), strict=True))
    text = found.stdout.str()
    assert [name for name in limits if f"PASSED test_it.py::test_{name}" not in text] == [
        name for name, outcome in expected.items() if outcome == "failed"
    ]
    notes = [line.partition(": ")[2] for line in text.splitlines() if "looser" in line]
    is_looser = "looser" in outcomes
    assert notes == ["its own limit, max 0.5mWh, is looser than --energy-budget 0.3mWh"] * is_looser


@pytest.mark.parametrize("marker", ["level='off'", "level='warn'"])
def test_a_level_that_weakens_the_option_is_noted(suite, marker):
    source = f"@pytest.mark.energy({marker})\n{marked(NOTHING)}"
    found = suite(source, "--energy-budget", NARROW)
    level = marker.partition("=")[2].strip("'")
    assert f"its own limit, max 0.3mWh, level {level}, is looser than --energy-budget 0.3mWh" in found.stdout.str()


@pytest.mark.parametrize(
    ("option", "marker", "ini", "policy", "seconds"),
    [
        (NOTHING, NOTHING, NOTHING, NOTHING, 10),
        ("2s", "3 s", "4s", "5 s", 2),
        (NOTHING, "3 s", "4s", "5 s", 3),
        (NOTHING, NOTHING, "4s", "5 s", 5),
        (NOTHING, NOTHING, "4s", NOTHING, 4),
        ("2s", NOTHING, NOTHING, NOTHING, 2),
    ],
)
def test_which_measuring_time_decides(suite, *, option, marker, ini, policy, seconds):
    mark = "" if marker is NOTHING else f"@pytest.mark.energy(time={marker!r})\n"
    found = suite(
        mark + marked(NOTHING),
        "--energy",
        *([] if option is NOTHING else ["--energy-time", option]),
        ini="" if ini is NOTHING else f"energy_time = {ini}",
        policy=policy and f"version: 1\nmeasurement: {{time_limit: {policy}}}\nworkloads: {{w: {{python: m:f}}}}",
    )
    assert f"time limit {seconds}" in found.stdout.str().replace("s, PUE", "").replace("time limit ", "time limit ")


@pytest.mark.parametrize(
    ("option", "ini", "policy", "pue"),
    [
        (NOTHING, NOTHING, NOTHING, "1"),
        ("1.2", "1.3", "1.4", "1.2"),
        (NOTHING, "1.3", "1.4", "1.4"),
        (NOTHING, "1.3", "", "1.3"),
        (NOTHING, "1.3", NOTHING, "1.3"),
    ],
)
def test_which_pue_decides(suite, option, ini, policy, pue):
    site = f"site: {{pue: {policy}}}\n" if policy else ""
    found = suite(
        marked(NOTHING),
        "--energy",
        *([] if option is NOTHING else ["--energy-pue", option]),
        ini="" if ini is NOTHING else f"energy_pue = {ini}",
        policy=None if policy is NOTHING else f"version: 1\n{site}workloads: {{w: {{python: m:f}}}}",
    )
    assert f", PUE {pue}\n" in found.stdout.str()


@pytest.mark.parametrize("option", ["--energy-strict", ""])
@pytest.mark.parametrize("marker", [True, False, None])
@pytest.mark.parametrize("ini", [True, False, None])
def test_which_setting_of_strict_decides(suite, option, marker, ini):
    source = f"@pytest.mark.energy(strict={marker})\n" if marker is not None else ""
    lines = "" if ini is None else f"energy_strict = {ini}"
    found = suite(source + marked(CLOSE), "--energy", *option.split(), ini=lines)
    said = [one for one in (True if option else None, marker, ini) if one is not None]
    assert found.ret == (FAILED if said and said[0] else OK)
