"""Policies: what valid ones become, and the message and line of every mistake."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energygate.errors import PolicyError
from energygate.policy import (
    Budget,
    Family,
    Measurement,
    Policy,
    PolicyErrors,
    Waiver,
    Workload,
    load_policy,
    parse_policy,
    parse_quantity,
)

EXAMPLE = Path(__file__).with_name("example.yml").read_text(encoding="utf-8")


def test_reads_the_design_s_example():
    policy = parse_policy(EXAMPLE)
    assert policy.site.pue == 1.25
    assert policy.site.carbon.country == "DEU"
    assert policy.site.electricity_price == parse_quantity("0.25 USD/kWh", Family.PRICE)
    assert policy.site.currency == "USD"
    assert (policy.site.traffic.requests_per_day, policy.site.traffic.warm_replicas) == (200_000, 2)
    assert policy.measurement.time_limit.value == 60
    workload = policy.workloads["digits-cnn"]
    assert (workload.kind, workload.provider_name, workload.batch_size) == ("onnx", "CPUExecutionProvider", 1)
    energy = workload.budgets["energy_per_request"]
    assert (energy.max.value, energy.max_increase.value, energy.min_delta.value) == (0.0002, 0.05, 1e-9)
    assert (energy.level, workload.budgets["latency_p95"].level) == ("error", "warn")
    assert energy.about.label == "energy per request"
    assert policy.waivers[0].expires == date(2027, 1, 31)


def test_defaults():
    policy = parse_policy("version: 1\nworkloads: {w: {python: 'package.module:factory'}}")
    assert (policy.site.pue, policy.site.carbon, policy.site.currency) == (1.0, None, None)
    assert (policy.measurement.time_limit.text, policy.measurement.require) == ("60 s", "any")
    assert (policy.measurement.python, policy.measurement.seed) == (None, 0)
    workload = policy.workloads["w"]
    assert (workload.kind, workload.threads, str(workload.load), workload.seed) == (
        "python",
        1,
        "closed",
        None,
    )
    assert (workload.budgets, policy.waivers) == ({}, ())


@pytest.mark.parametrize(
    ("short", "long"),
    [("model_size: 10 MB", "model_size: {max: 10 MB}"), ("accuracy: 97 %", "accuracy: {min: 97 %}")],
)
def test_a_bare_limit_is_the_absolute_one(short, long):
    text = "version: 1\nworkloads: {w: {onnx: m, inputs: i, labels: l, budgets: {BUDGET}}}"
    assert parse_policy(text.replace("BUDGET", short)) == parse_policy(text.replace("BUDGET", long))


def test_shapes_are_sizes_and_whole_shapes():
    text = "version: 1\nworkloads: {w: {onnx: m, shapes: {batch: 8, image: [1, 3, 8], scalar: []}}}"
    assert parse_policy(text).workloads["w"].shapes == {"batch": 8, "image": (1, 3, 8), "scalar": ()}


@pytest.mark.parametrize(
    ("written", "labels"),
    [("ubuntu-24.04", ("ubuntu-24.04",)), ("[self-hosted, gpu]", ("self-hosted", "gpu"))],
)
def test_a_runner_is_all_its_labels(written, labels):
    text = f"version: 1\nworkloads: {{w: {{onnx: m, runs_on: {written}}}, a/b: {{onnx: n}}}}"
    policy = parse_policy(text)
    assert policy.workloads["w"].runs_on == labels
    assert policy.workloads["a/b"].runs_on is None


@pytest.mark.parametrize("written", ["[]", "{a: 1}", "[a, {b: c}]"])
def test_a_runner_without_labels_is_none(written):
    with pytest.raises(PolicyError, match="needs a runner's label"):
        parse_policy(f"version: 1\nworkloads: {{w: {{onnx: m, runs_on: {written}}}}}")


def test_knows_its_lines_and_source():
    policy = parse_policy(EXAMPLE, "dir/policy.yml")
    budgets = ("workloads", "digits-cnn", "budgets")
    assert policy.source == "dir/policy.yml"
    assert policy.line((*budgets, "energy_per_request", "max")) == 18
    assert policy.line(("waivers", 0)) == 23
    assert policy.line(("measurement", "seed")) == 7  # not written: the nearest key above
    assert policy.line(("nowhere",)) is None
    assert Policy(version=1, workloads={"w": Workload(onnx="m")}).line(("version",)) is None


def test_lines_and_source_are_ignored_in_comparisons():
    assert parse_policy(EXAMPLE) == parse_policy("# moved\n" + EXAMPLE, "elsewhere.yml")
    assert parse_policy(EXAMPLE) != parse_policy(EXAMPLE.replace("0.2 Wh", "0.3 Wh"))


def test_survives_a_round_trip_through_plain_data():
    policy = parse_policy(EXAMPLE)
    assert Policy.model_validate(policy.model_dump(mode="json")) == policy


def test_is_frozen():
    with pytest.raises(ValueError, match="frozen"):
        parse_policy(EXAMPLE).site.pue = 2.0


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (60, "60 has no unit; write for example 60 ms"),
        (0.5, "0.5 has no unit; write for example 0.5 ms"),
        (True, "needs a number with a unit, for example 5 ms"),
        (["60 s"], "needs a number with a unit, for example 5 ms"),
        (
            parse_quantity("5 %", Family.RATIO),
            "5 % is a percentage, but time is needed here, for example 5 ms",
        ),
    ],
)
def test_a_model_made_in_python_is_checked_the_same_way(raw, sentence):
    with pytest.raises(ValueError, match=sentence):
        Measurement(time_limit=raw)
    assert Measurement(time_limit=parse_quantity("5 min", Family.TIME)).time_limit.value == 300


@pytest.mark.parametrize(("today", "expired"), [("2027-01-30", False), ("2027-01-31", False), ("2027-02-01", True)])
def test_a_waiver_holds_through_its_last_day(today, expired):
    waiver = Waiver(workload="w", metric="model_size", reason="r", owner="o", expires=date(2027, 1, 31))
    assert waiver.expired(date.fromisoformat(today)) is expired


@pytest.mark.parametrize(
    ("provider", "name"),
    [
        ("cpu", "CPUExecutionProvider"),
        ("cuda", "CUDAExecutionProvider"),
        ("tensorrt", "TensorrtExecutionProvider"),
        ("coreml", "CoreMLExecutionProvider"),
        ("directml", "DmlExecutionProvider"),
        ("FutureExecutionProvider", "FutureExecutionProvider"),
    ],
)
def test_provider_names(provider, name):
    assert Workload(onnx="m", provider=provider).provider_name == name


WORKLOAD = " of workload 'digits-cnn'"
LIMIT = "{max: 10 MB}"
MODEL_SIZE = f"budgets.model_size{WORKLOAD}: "
SIZES = "needs a whole number from 1 up, or a list of them"
PUE = "site.pue: PUE is facility energy over IT energy, from 1.0 to 3.0, not "


@pytest.mark.parametrize(
    ("good", "bad", "line", "sentence"),
    [
        ("pue: 1.25", "pue: 0", 3, PUE + "0"),
        ("pue: 1.25", "pue: -1", 3, PUE + "-1"),
        ("pue: 1.25", "pue: 0.9", 3, PUE + "0.9"),
        ("pue: 1.25", "pue: 3.1", 3, PUE + "3.1"),
        ("pue: 1.25", "pue: NaN", 3, PUE + "NaN"),
        ("pue: 1.25", "pue: inf", 3, PUE + "inf"),
        ("pue: 1.25", "pue: abc", 3, PUE + "abc"),
        ("pue: 1.25", "pue:", 3, PUE + "nothing"),
        ("version: 1", "version: 2", 1, "version: this energygate reads version 1 of the policy, not '2'"),
        ("{country: DEU}", "DEU", 4, "site.carbon: needs keys and values below it, not 'DEU'"),
        (
            "country: DEU",
            "country: deu",
            4,
            (
                "site.carbon.country: 'deu' is not an ISO 3166 code of three capital letters, "
                "such as DEU; did you mean DEU?"
            ),
        ),
        (
            "country: DEU",
            "cloud: frankfurt",
            4,
            ("site.carbon.cloud: 'frankfurt' is not provider/region; write for example aws/eu-central-1"),
        ),
        (
            "{country: DEU}",
            "{country: DEU, cloud: aws/x}",
            4,
            "site.carbon: needs exactly one of country, cloud and intensity, not country and cloud",
        ),
        ("200000", "0", 6, "site.traffic.requests_per_day: needs a number above 0, not '0'"),
        ("200000", "many", 6, "site.traffic.requests_per_day: needs a number, not 'many'"),
        ("200000", "inf", 6, "site.traffic.requests_per_day: needs a finite number, not 'inf'"),
        (
            "warm_replicas: 2",
            "warm_replicas: -1",
            6,
            "site.traffic.warm_replicas: needs a number from 0 up, not '-1'",
        ),
        ("60 s", "60", 7, "measurement.time_limit: 60 has no unit; write for example 60 ms"),
        (
            "60 s",
            "25 h",
            7,
            "measurement.time_limit: 25 h is out of range; a time limit is more than 0 s and at most 24 h",
        ),
        (
            "60 s",
            "0 s",
            7,
            "measurement.time_limit: 0 s is out of range; a time limit is more than 0 s and at most 24 h",
        ),
        (
            "require: any",
            "require: measure",
            7,
            "measurement.require: needs any or measured, not 'measure'; did you mean 'measured'?",
        ),
        ("threads: 1", "threads: 0", 14, f"threads{WORKLOAD}: needs a number from 1 up, not '0'"),
        ("threads: 1", "threads: 1.5", 14, f"threads{WORKLOAD}: needs a whole number, not '1.5'"),
        (
            "threads: 1",
            "threads: 9999999999",
            14,
            f"threads{WORKLOAD}: needs a number up to 2,147,483,647, not '9999999999'",
        ),
        (
            "threads: 1",
            f"threads: {'9' * 5000}",
            14,
            f"threads{WORKLOAD}: needs a whole number, not '{'9' * 60}…'",
        ),
        (
            "threads: 1",
            "threads: 1\n    threads: 2",
            15,
            "'threads' is given twice, here and on line 14. Keep one of the two",
        ),
        (
            "threads: 1",
            "threds: 1",
            14,
            "unknown key 'threds' in workload 'digits-cnn'; did you mean 'threads'?",
        ),
        (
            "provider: cpu",
            "provider: cdua",
            15,
            f"provider{WORKLOAD}: 'cdua' is not an execution provider; did you mean 'cuda'?",
        ),
        (
            "load: closed",
            "load: open",
            16,
            f"load{WORKLOAD}: needs closed, {{rate: 50 req/s}} or {{concurrency: 4}}, not 'open'",
        ),
        (
            "onnx: models/digits-cnn.onnx",
            "seed: 1",
            9,
            (
                "workload 'digits-cnn': there is nothing to run; give onnx: PATH, python: module:factory, "
                "http: URL, command: LINE or pytest: FILE::TEST"
            ),
        ),
        (
            "onnx: models/digits-cnn.onnx",
            "onnx: a\n    python: b:c",
            11,
            f"python{WORKLOAD}: onnx is given too; a workload is one of them",
        ),
        (
            "onnx: models/digits-cnn.onnx",
            "onnx: ''",
            10,
            f"onnx{WORKLOAD}: is empty; write a text, or remove the key",
        ),
        (
            "onnx: models/digits-cnn.onnx",
            "python: serve.py",
            10,
            (
                f"python{WORKLOAD}: 'serve.py' is not a factory; "
                "write module:function, for example my_package.serving:make_model"
            ),
        ),
        (
            "threads: 1",
            "shapes: {batch: 0}",
            14,
            f"shapes.batch{WORKLOAD}: {SIZES}, not '0'",
        ),
        (
            "threads: 1",
            "shapes: {x: [1, y]}",
            14,
            f"shapes.x{WORKLOAD}: {SIZES}, not 'y'",
        ),
        (
            "inputs: data/digits.npz",
            "seed: 0",
            12,
            f"labels{WORKLOAD}: needs inputs, the .npz file that holds them",
        ),
        (
            "labels: label",
            "seed: 0",
            21,
            (f"budgets.accuracy{WORKLOAD}: needs labels, the name of the array in inputs with the correct answers"),
        ),
        (
            "max_increase: 5 %",
            "max_incraese: 5 %",
            18,
            (
                "unknown key 'max_incraese' in budgets.energy_per_request of workload 'digits-cnn'; "
                "did you mean 'max_increase'?"
            ),
        ),
        (
            "0.2 Wh",
            "0.2",
            18,
            f"budgets.energy_per_request.max{WORKLOAD}: 0.2 has no unit; write for example 0.2 Wh",
        ),
        (
            "0.2 Wh",
            "5 gCO2e",
            18,
            (
                f"budgets.energy_per_request.max{WORKLOAD}: "
                "5 gCO2e is carbon, but energy is needed here, for example 5 Wh"
            ),
        ),
        (
            "5 %",
            "5 Wh",
            18,
            (
                f"budgets.energy_per_request.max_increase{WORKLOAD}: "
                "5 Wh is energy, but a percentage is needed here, for example 5 %"
            ),
        ),
        (
            "1 µWh",
            "1 %",
            18,
            (
                f"budgets.energy_per_request.min_delta{WORKLOAD}: "
                "1 % is a percentage, but energy is needed here, for example 1 Wh"
            ),
        ),
        (
            "level: warn",
            "level: wran",
            19,
            (f"budgets.latency_p95.level{WORKLOAD}: needs off or warn or error, not 'wran'; did you mean 'warn'?"),
        ),
        (
            "latency_p95",
            "latncy_p95",
            19,
            f"budgets.latncy_p95{WORKLOAD}: unknown metric 'latncy_p95'; did you mean 'latency_p95'?",
        ),
        (LIMIT, "10", 20, f"budgets.model_size.max{WORKLOAD}: 10 has no unit; write for example 10 MB"),
        (LIMIT, "[10 MB]", 20, f"{MODEL_SIZE}needs keys and values below it, not a list"),
        (LIMIT, "", 20, f"{MODEL_SIZE}needs keys and values below it, not nothing"),
        (
            LIMIT,
            "{level: warn}",
            20,
            f"{MODEL_SIZE}the budget has no limit; give max or max_increase",
        ),
        (
            LIMIT,
            "{min: 1 MB}",
            20,
            f"budgets.model_size.min{WORKLOAD}: lower is better for model_size; use max instead",
        ),
        (
            LIMIT,
            "{max_decrease: 1 %}",
            20,
            (f"budgets.model_size.max_decrease{WORKLOAD}: lower is better for model_size; use max_increase instead"),
        ),
        (
            LIMIT,
            "{max: 10 MB, min_delta: 1 kB}",
            20,
            (
                f"budgets.model_size.min_delta{WORKLOAD}: only works with max_increase; give "
                "max_increase too, or remove it"
            ),
        ),
        (
            LIMIT,
            "{metric: model_size, max: 10 MB}",
            20,
            f"budgets.model_size.metric{WORKLOAD}: repeats the key above it; remove it",
        ),
        (
            "{min: 97 %}",
            "{max: 97 %}",
            21,
            f"budgets.accuracy.max{WORKLOAD}: higher is better for accuracy; use min instead",
        ),
        (
            "{min: 97 %}",
            "{min: 101 %}",
            21,
            f"budgets.accuracy.min{WORKLOAD}: 101 % is out of range; the maximum is 100 %",
        ),
        (
            "workload: digits-cnn",
            "workload: digits-cn",
            23,
            "workload of waiver 1: there is no workload 'digits-cn'; did you mean 'digits-cnn'?",
        ),
        (
            "metric: energy_per_request",
            "metric: energy",
            23,
            (
                "metric of waiver 1: workload 'digits-cnn' has no budget for 'energy'; "
                "there are energy_per_request, latency_p95, model_size, accuracy"
            ),
        ),
        ('owner: "@ml", ', "", 23, "'owner' is missing in waiver 1"),
        ('"@ml"', '" "', 23, "owner of waiver 1: is empty; write a text, or remove the key"),
        ("2027-01-31", "2027-02-31", 23, "expires of waiver 1: 2027-02-31 is not a calendar date"),
        (
            "2027-01-31",
            "20270131",
            23,
            "expires of waiver 1: needs a date as YYYY-MM-DD, for example 2027-01-31, not '20270131'",
        ),
        (
            "digits-cnn:\n",
            "'':\n",
            9,
            "workload '': is empty; write a name that people will recognise",
        ),
        (
            "digits-cnn:\n",
            '"a\\nb":\n',
            9,
            ("workload 'a\\nb': contains a line break or another unprintable character; write plain text"),
        ),
        (
            "digits-cnn:\n",
            "a\u202eb:\n",  # turns the rest of a line around
            9,
            ("workload 'a\\u202eb': contains a line break or another unprintable character; write plain text"),
        ),
        ("digits-cnn:\n", "' a':\n", 9, "workload ' a': begins or ends with a space; remove it"),
        *[
            (
                "digits-cnn:\n",
                f"'{name}':\n",
                9,
                f"workload '{name}': leads to another directory; leave out '..' and a leading slash",
            )
            for name in ("../a", "/a", "a/../b", "C:/a", ".")
        ],
        (
            "digits-cnn:\n",
            f"{'n' * 101}:\n",
            9,
            f"workload '{'n' * 60}…': has 101 characters; the maximum is 100",
        ),
    ],
)
def test_a_mistake_is_one_sentence_with_its_line(good, bad, line, sentence):
    assert good in EXAMPLE
    with pytest.raises(PolicyError) as caught:
        parse_policy(EXAMPLE.replace(good, bad, 1))
    assert str(caught.value) == f"energygate.yml:{line}: {sentence}"
    assert caught.value.exit_code == 2


def _with_budget(budget, site=""):
    return f"version: 1\nsite: {{{site}}}\nworkloads:\n  w:\n    onnx: m\n    budgets:\n      {budget}\n"


@pytest.mark.parametrize(
    ("budget", "site", "sentence"),
    [
        ("carbon_per_request: 1 gCO2e", "", "needs site.carbon, for example {country: DEU}"),
        ("cost_per_request: 1 USD", "", "needs site.electricity_price, for example 0.25 USD/kWh"),
    ],
)
def test_derived_metrics_need_their_factor(budget, site, sentence):
    with pytest.raises(PolicyError, match=r"^energygate.yml:7: budgets") as caught:
        parse_policy(_with_budget(budget, site))
    assert caught.value.what.endswith(sentence)


def test_a_cost_is_limited_in_the_currency_of_the_price():
    price = "electricity_price: 0.25 USD/kWh"
    assert parse_policy(_with_budget("cost_per_request: 1 USD", price))
    with pytest.raises(PolicyError, match=r"1 EUR is not in the currency of site.electricity_price, USD"):
        parse_policy(_with_budget("cost_per_request: 1 EUR", price))


@pytest.mark.parametrize("key", ["provider: cuda", "shapes: {n: 1}", "provider_options: {a: b}"])
def test_settings_that_a_callable_ignores_are_refused(key):
    with pytest.raises(PolicyError, match="applies to ONNX models only; remove it"):
        parse_policy(f"version: 1\nworkloads: {{w: {{python: 'a:b', {key}}}}}")


def test_one_budget_is_waived_once():
    waiver = EXAMPLE.splitlines()[-1]
    with pytest.raises(PolicyError, match=r"^energygate.yml:24: waiver 2: waives the same budget as waiver 1"):
        parse_policy(f"{EXAMPLE}{waiver}\n")


def test_a_budget_checks_itself_wherever_it_is_made():
    assert Budget(metric="model_size", max="10 MB").max.value == 10e6
    with pytest.raises(ValueError, match="is carbon"):
        Budget(metric="model_size", max="10 gCO2e")
    with pytest.raises(ValueError, match="is a percentage"):
        Budget(metric="model_size", max=parse_quantity("5 %", Family.RATIO))
    with pytest.raises(ValueError, match="is a budget for model_size"):
        Workload(onnx="m", budgets={"peak_memory": Budget(metric="model_size", max="1 B")})


def test_several_mistakes_are_listed_in_the_order_of_the_file():
    text = EXAMPLE.replace("pue: 1.25", "pue: 0").replace("10 MB", "10").replace("threads: 1", "threads: x")
    with pytest.raises(PolicyErrors) as caught:
        parse_policy(text)
    assert [line.split(":")[1] for line in str(caught.value).splitlines()] == ["3", "14", "20"]
    assert caught.value.where == "energygate.yml:3"
    assert caught.value.exit_code == 2


def test_mistakes_follow_the_file_s_order():
    with pytest.raises(PolicyErrors) as caught:
        parse_policy("waivers: x\nworkloads: {w: {onnx: m}}\nsite: {pue: 0}\nversion: 2\n")
    assert [mistake.where for mistake in caught.value.mistakes] == [
        "energygate.yml:1",
        "energygate.yml:3",
        "energygate.yml:4",
    ]


def test_many_mistakes_are_counted_beyond_twenty():
    budgets = "\n".join(f"      metric_{n}: 1 s" for n in range(50))
    with pytest.raises(PolicyErrors) as caught:
        parse_policy(f"version: 1\nworkloads:\n  w:\n    onnx: m\n    budgets:\n{budgets}\n")
    lines = str(caught.value).splitlines()
    assert (len(lines), lines[-1]) == (21, "and 30 more")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "p.yml: the policy is empty. Run energygate init to write one"),
        (
            "- a",
            (
                "p.yml:1: the policy is not a mapping of keys to values. "
                "Begin with version: 1, or run energygate init to write one"
            ),
        ),
        ("#" * 1_000_001, "p.yml: the policy is longer than 1,000 kB. Is this the right file?"),
        ("version: 1", "p.yml:1: 'workloads' is missing"),
        ("version: 1\nworkloads: {}", "p.yml:2: workloads: needs at least one entry, not a mapping"),
        ("version: 1\nworkloads:", "p.yml:2: workloads: needs keys and values below it, not nothing"),
    ],
)
def test_texts_that_are_not_a_policy(text, message):
    with pytest.raises(PolicyError) as caught:
        parse_policy(text, "p.yml")
    assert str(caught.value) == message


def test_loads_a_file_byte_order_mark_and_windows_line_ends_included(tmp_path):
    path = tmp_path / "energygate.yml"
    path.write_bytes(b"\xef\xbb\xbf" + EXAMPLE.replace("\n", "\r\n").encode())
    policy = load_policy(path)
    assert policy == parse_policy(EXAMPLE)
    assert (policy.source, policy.line(("waivers", 0))) == (str(path), 23)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("missing.yml", None, ": there is no such policy. Run energygate init to write one"),
        (".", None, ": this is a directory, not a policy. Name the file, for example energygate.yml"),
        ("n" * 300, None, ": the policy cannot be read: file name too long"),
        (
            "latin.yml",
            "version: 1\n# Größe\n".encode("latin-1"),
            ":2: the policy is not UTF-8 text. Save it as UTF-8",
        ),
        ("image.yml", bytes(range(256)), ":2: the policy is not UTF-8 text. Save it as UTF-8"),
        ("big.yml", b"#" * 1_000_001, ": the policy is longer than 1,000 kB. Is this the right file?"),
        ("empty.yml", b"", ": the policy is empty. Run energygate init to write one"),
    ],
)
def test_files_that_cannot_be_read(tmp_path, name, content, sentence):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(PolicyError) as caught:
        load_policy(path)
    assert str(caught.value) == f"{path}{sentence}"


WORDS = st.sampled_from(
    ["version", "workloads", "budgets", "w", "onnx", "max", "site", "pue", "waivers", "energy_per_request"]
)
LEAVES = st.none() | WORDS | st.sampled_from(["1", "0.2 Wh", "5 %", "off", "", "nan", "a:b", "2027-01-31"])
TREES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4))


def _yaml(tree):
    if isinstance(tree, dict):
        return "{" + ", ".join(f"{key}: {_yaml(value)}" for key, value in tree.items()) + "}"
    if isinstance(tree, list):
        return "[" + ", ".join(map(_yaml, tree)) + "]"
    return "~" if tree is None else f'"{tree}"'


@given(st.fixed_dictionaries({"version": st.just("1"), "workloads": TREES}, optional={"site": TREES, "waivers": TREES}))
@settings(deadline=None, max_examples=300)
def test_any_tree_is_a_policy_or_errors_with_lines(tree):
    try:
        parse_policy(_yaml(tree))
    except PolicyError as error:
        for line in str(error).splitlines():
            assert line.startswith(("energygate.yml:1: ", "and "))
            assert "Input should" not in line  # pydantic's words are not ours
