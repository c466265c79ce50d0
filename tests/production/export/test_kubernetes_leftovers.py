"""Files of an earlier export, which `kubectl apply -f FOLDER` would apply too: they are listed, and other files not."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner
from clusters import POLICY, measured

from energygate.cli import cli
from energygate.cli.export_files import leftovers
from energygate.production.export.documents import MARK

OURS = f"# {MARK} kubernetes from energygate.yml. Edit that and export again.\n"
TWO = POLICY + POLICY.partition("workloads:\n")[2].replace("digits-cnn", "digits-mlp")


@pytest.fixture
def export(tmp_path, monkeypatch):
    """Runs `energygate export kubernetes` where there is a policy of two workloads."""
    monkeypatch.chdir(tmp_path)
    Path("energygate.yml").write_text(TWO, encoding="utf-8")
    Path("result.json").write_text(measured().to_json(), encoding="utf-8")

    def run(*arguments):
        rates = ("--requests-per-replica", "cpu=12", "--output", "my out")
        return CliRunner().invoke(cli, ["export", "kubernetes", *rates, *arguments], catch_exceptions=False).output

    return run


def test_files_of_workloads_no_longer_exported_are_named_with_the_command_that_removes_them(export):
    assert "Note: " not in export("--gateway", "public")
    last = export("digits-cnn").splitlines()[-1]
    assert last.startswith("Note: 5 files are from an earlier export, and kubectl apply would apply them too")
    removed = shlex.split(last.removesuffix(".").partition("rm ")[2])
    assert removed == [
        "my out/deployments/digits-mlp.yaml",
        "my out/gateway/digits-cnn.yaml",  # without --gateway there is no route
        "my out/gateway/digits-mlp.yaml",
        "my out/hpa/digits-mlp.yaml",
        "my out/keda/digits-mlp.yaml",
    ]
    assert all(Path(one).is_file() for one in removed)  # a person may have changed them
    for one in removed:
        Path(one).unlink()
    assert "Note: " not in export("digits-cnn")


def test_other_files_are_not_listed_and_links_not_followed(tmp_path):
    directory, elsewhere = tmp_path / "output", tmp_path / "elsewhere"
    for folder in (directory / "hpa", elsewhere):
        folder.mkdir(parents=True)
        (folder / "old.yaml").write_text(OURS, encoding="utf-8")
    hpa = directory / "hpa"
    (hpa / "theirs.yaml").write_text("# a note: " + OURS, encoding="utf-8")
    (hpa / "alerts.yaml").write_text(OURS.replace("kubernetes", "prometheus"), encoding="utf-8")
    (hpa / "new.yaml").write_text(OURS, encoding="utf-8")
    (hpa / "a; rm x.yaml").write_text(OURS, encoding="utf-8")
    (hpa / "folder.yaml").mkdir()
    (hpa / "link.yaml").symlink_to(elsewhere / "old.yaml")
    (directory / "keda").symlink_to(elsewhere)
    found = leftovers(directory, {"hpa/new.yaml"}, kind="kubernetes", folders=("hpa", "keda", "gateway"))
    assert found == [hpa / "old.yaml"]
