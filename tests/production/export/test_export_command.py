"""`energygate export`: where files go, which are kept, and what is printed."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass

import policies
import pytest
import yaml

from energygate.cli.export_files import write
from energygate.errors import UsageError
from energygate.production.export.documents import MARK


@dataclass(frozen=True, kw_only=True)
class Said:
    code: int
    out: str
    err: str


@pytest.fixture
def export(tmp_path):
    """Runs `energygate export` in a directory with a policy of two workloads and a result."""
    (tmp_path / "energygate.yml").write_text(policies.ALL_HELD, encoding="utf-8")
    (tmp_path / "result.json").write_text(policies.measured().to_json(), encoding="utf-8")

    def run(*arguments, stdin=None):
        done = subprocess.run(
            [sys.executable, "-m", "energygate", "export", *arguments],
            cwd=tmp_path,
            input=stdin,
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )
        return Said(code=done.returncode, out=done.stdout, err=done.stderr)

    return run


def test_it_says_what_it_wrote_and_what_to_do_next(export, tmp_path):
    said = export("prometheus")
    path = "energygate-export/prometheus/energygate.rules.yml"
    assert (said.code, said.err) == (0, "")
    assert said.out.splitlines() == [
        f"Wrote {path}",
        f"Next: promtool check rules {path}, and name it under rule_files in prometheus.yml",
    ]
    assert yaml.safe_load((tmp_path / path).read_text("utf-8"))["groups"]


def test_the_next_command_is_one_that_a_shell_takes(export):
    said = export("json", "--result", "result.json", "--output", "my files")
    assert said.out.splitlines()[1] == "Next: jq '.records[]' 'my files'/energygate.json"


def test_only_files_of_its_own_are_overwritten(tmp_path):
    output, path = str(tmp_path), tmp_path / "a.yml"
    for text in (f"# {MARK}\n", f"# {MARK}: changed\n"):
        write({"a.yml": text}, output, "")
        assert path.read_text("utf-8") == text
    path.write_text("groups: []\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"exists and was not written by energygate\. Move it away"):
        write({"0.yml": f"# {MARK}\n", "a.yml": f"# {MARK}\n"}, output, "")
    assert path.read_text("utf-8") == "groups: []\n"
    assert not (tmp_path / "0.yml").exists()


def test_a_directory_with_a_files_name_is_kept(tmp_path):
    (tmp_path / "a.yml").mkdir()
    with pytest.raises(UsageError, match=r"a\.yml exists"):
        write({"a.yml": MARK}, str(tmp_path), "")


def test_links_in_a_checkout_are_not_followed(tmp_path):
    output = tmp_path / "output"
    output.mkdir()
    (output / "file.yml").symlink_to(tmp_path / "elsewhere.yml")
    (output / "folder").symlink_to(tmp_path)
    for name in ("file.yml", "folder/elsewhere.yml", "../elsewhere.yml"):
        with pytest.raises(UsageError, match="was not written by energygate"):
            write({name: MARK}, str(output), "")
    assert not (tmp_path / "elsewhere.yml").exists()


def test_an_impossible_output_directory_is_an_error(tmp_path):
    (tmp_path / "taken").write_text("", encoding="utf-8")
    with pytest.raises(UsageError, match=r"cannot write .*taken"):
        write({"a.yml": MARK}, str(tmp_path / "taken"), "")


def test_only_the_named_workloads_are_exported(export, tmp_path):
    assert export("prometheus", "digits-cnn").code == 0
    text = (tmp_path / "energygate-export/prometheus/energygate.rules.yml").read_text("utf-8")
    assert policies.HOSTILE not in text
    assert export("json", "--result", "result.json", "digits-cnn").code == 0
    records = json.loads((tmp_path / "energygate-export/json/energygate.json").read_text("utf-8"))["records"]
    assert {record["workload"] for record in records} == {"digits-cnn"}


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (
            ["prometheus", "digits"],
            2,
            "energygate.yml: there is no workload 'digits'. Did you mean 'digits-cnn'?",
        ),
        (["prometheus", "--policy", "none.yml"], 2, "none.yml: there is no such policy."),
        (["prometheus", "--match", "a-b=c"], 2, "--match 'a-b=c' does not name a label."),
        (
            ["grafana", "--match", "workload=a"],
            2,
            "--match 'workload=a': the rules use the label 'workload' themselves. Name workloads as arguments",
        ),
        (
            ["prometheus", "--match", "severity=a"],
            2,
            "--match 'severity=a': the rules use the label 'severity'",
        ),
        (
            ["prometheus", "--match", "__name__=x"],
            2,
            "--match '__name__=x': labels that begin with __ are reserved by Prometheus.",
        ),
        (
            ["prometheus", "--match", "a=b", "--match", "a=c"],
            2,
            "--match was given twice for the label 'a', and a series has one value of it.",
        ),
        (["json", "--result", "result.json", "x"], 2, "result.json: there is no workload 'x'."),
        (["json", "--result", "energygate.yml"], 3, "energygate.yml: this is not a readable result:"),
    ],
)
def test_a_mistake_is_one_sentence(export, arguments, code, sentence):
    said = export(*arguments)
    assert (said.code, said.out) == (code, "")
    assert said.err.startswith(f"energygate: {sentence}")


def test_a_result_may_come_through_a_pipe(export, tmp_path):
    text = (tmp_path / "result.json").read_text("utf-8")
    assert export("openmetrics", "--result", "-", stdin=text).code == 0
    assert "# EOF" in (tmp_path / "energygate-export/openmetrics/energygate.prom").read_text("utf-8")


def test_missing_metrics_and_uncovered_limits_are_noted(export, tmp_path):
    policy = policies.policy_with("energy_per_request: {max: 1 J}", "model_size: 1 MB", name="other")
    (tmp_path / "energygate.yml").write_text(policy, encoding="utf-8")
    said = export("prometheus", "--result", "result.json")
    assert said.code == 0
    assert said.err == "energygate: result.json has no measurement of other\n"
    assert said.out.splitlines()[1] == "Note: only CI checks model_size of other."
