"""docs/cloudwatch.md: its commands and its code work, and its tables are complete."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from cloudwatch_policies import POLICY, source

from energygate.cli import cli
from energygate.production.export.cloudwatch import KINDS, files

TEXT = (Path(__file__).parents[3] / "docs" / "cloudwatch.md").read_text(encoding="utf-8")
SHELL = [shlex.split(one.replace("\\\n", " ")) for one in re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)]
PYTHON = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


def parameters(kind):
    (template,) = files(source(), answer=kind).values()
    return yaml.safe_load(template)["Parameters"]


def test_the_commands_make_and_deploy_a_template(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("energygate.yml").write_text(POLICY, encoding="utf-8")
    export, deploy = SHELL
    assert CliRunner().invoke(cli, export[1:]).exit_code == 0
    template = yaml.safe_load(Path(deploy[deploy.index("--template-file") + 1]).read_text(encoding="utf-8"))
    given = {one.partition("=")[0] for one in deploy[deploy.index("--parameter-overrides") + 1 :]}
    assert given == {name for name, one in template["Parameters"].items() if "Default" not in one}


@pytest.mark.parametrize("code", PYTHON)
def test_the_code_runs(code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("AWS_")]:  # as a runner of Amazon's has them
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")  # credentials are not looked for in the network
    Path("energygate.yml").write_text(POLICY, encoding="utf-8")
    names = {}
    exec(compile(code, "docs/cloudwatch.md", "exec"), names)  # noqa: S102 - our own page
    if "handler" in names:
        assert names["handler"]({}, None) == {"digit": 7}
    names["recorder"].close()


def test_the_tables_name_every_answer_and_every_parameter():
    cells = [re.findall(r"`(\w+)`", row.split("|")[1]) for row in TEXT.splitlines() if row.startswith("|")]
    named = {name for row in cells for name in row}
    assert set(KINDS) <= named
    common = set.intersection(*(set(parameters(kind)) for kind in KINDS if kind != "none"))
    assert common - {"FunctionName"} <= named
    for kind in KINDS:
        own = re.search(rf"^\| `{kind}`.*\| (.*?) ?\|$", TEXT, re.MULTILINE)
        needed = {name for name, one in parameters(kind).items() if "Default" not in one}
        assert needed <= set(re.findall(r"`([A-Z]\w+)`", own.group(1)))
