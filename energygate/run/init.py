"""`init`: find the models of a project, measure them once, and draft a policy around them."""

from __future__ import annotations

import json
import os
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from energygate.extras import require
from energygate.policy import format_quantity
from energygate.policy.fields import MAX_NAME_LENGTH
from energygate.text import printable
from energygate.version import page_url

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from energygate.result.result import Result, WorkloadResult

SKIPPED = frozenset({"node_modules", "__pycache__", "site-packages", "build", "dist", "venv"})
"""Directories with other projects' models, or copies. Hidden directories and virtual environments of any name are
skipped too."""

YAML_WORDS = frozenset({"null", "true", "false", "yes", "no", "on", "off"})
"""Words that YAML does not read as text."""

MARGIN = 1.5
"""Budget over measured value: above drift and small changes, below a model twice as heavy."""

BUDGETED = ("energy_per_request", "latency_p95", "model_size")
"""What a drafted policy limits, besides accuracy where there are labels."""

ACCURACY_ALLOWANCE = 0.01
"""How far accuracy may fall below the measured value."""


@dataclass(frozen=True, kw_only=True)
class FoundModel:
    """A model and the inputs that fit it.

    Attributes:
        name: The workload's name.
        model: Path of the model, relative to the project.
        inputs: Path of the inputs, relative to the project; `None` to synthesise them.
        labels: The array among the inputs that contains the labels; `None` without one.
    """

    name: str
    model: str
    inputs: str | None
    labels: str | None


def find_models(directory: Path) -> list[FoundModel]:
    """Return all `.onnx` files below a directory, each with the first `.npz` file that contains its inputs by name.

    Raises:
        UsageError: When there are models, and a package for measuring them is missing.
    """
    files = list(_files(directory))
    archives = {path: _array_names(path) for path in files if path.suffix == ".npz"}
    models = sorted((path for path in files if path.suffix == ".onnx"), key=lambda path: path.with_suffix(""))
    if models:
        require("onnxruntime", "onnxruntime", purpose="measuring models")
    names = _names([path.relative_to(directory) for path in models])
    return [_model(name, path, directory, archives) for name, path in zip(names, models, strict=True)]


def bare_policy(models: Sequence[FoundModel]) -> str:
    """Return a policy without budgets, to measure what the budgets should be."""
    return "\n".join(["version: 1", "workloads:", *(line for one in models for line in _entry(one))]) + "\n"


def draft_policy(models: Sequence[FoundModel], result: Result) -> str:
    """Return a commented policy whose budgets lie a margin above the measured values.

    Models that could not be measured are commented out, with the reason.
    """
    by_name = {workload.name: workload for workload in result.workloads}
    lines = [
        f"# What one inference request may cost. Reference: {page_url('policy.md')}",
        f"# Drafted by `energygate init` on {result.machine.cpu_model} ({result.created[:10]}).",
        "version: 1",
        "",
        "site:",
        "  pue: 1.0  # facility energy over IT energy where production runs; 1.0 counts the machine alone",
        "  # carbon: {country: DEU}  # gives carbon_per_request",
        "  # electricity_price: 0.25 USD/kWh  # gives cost_per_request",
        "",
        "workloads:",
    ]
    for one in models:
        lines += _budgeted(one, by_name[one.name])
    return "\n".join(lines) + "\n"


def _budgeted(one: FoundModel, workload: WorkloadResult) -> list[str]:
    entry = _entry(one)
    if workload.error is not None:
        reason = printable(" ".join(workload.error.message.split()))
        return [f"  # could not be measured: {reason}", *(f"  # {line[2:]}" for line in entry)]
    entry.append("    budgets:")
    for name in BUDGETED:
        metric = workload.metrics[name]
        limit = format_quantity(metric.head * MARGIN, metric.unit, digits=2)
        limit = limit.replace(",", "")  # a policy is read without thousands separators
        measured = format_quantity(metric.head, metric.unit)
        entry.append(f"      {name}: {{max: {limit}}}  # measured {measured}")
    if "accuracy" in workload.metrics:
        accuracy = workload.metrics["accuracy"].head
        limit, measured = (format_quantity(one, "ratio") for one in (accuracy - ACCURACY_ALLOWANCE, accuracy))
        line = f"accuracy: {{min: {limit}}}  # measured {measured}"
        if accuracy <= ACCURACY_ALLOWANCE:  # nothing breaks a minimum of zero
            line = f"# accuracy is {measured}, too low for a limit: do the labels belong to this model?"
        entry.append(f"      {line}")
    return entry


def _entry(one: FoundModel) -> list[str]:
    lines = [f"  {_yaml(one.name)}:", f"    onnx: {_yaml(one.model)}"]
    if one.inputs:
        lines.append(f"    inputs: {_yaml(one.inputs)}")
    if one.labels:
        lines.append(f"    labels: {_yaml(one.labels)}")
    return lines


def _yaml(text: str) -> str:
    """Return a scalar that YAML reads back as exactly this text."""
    plain = re.fullmatch(r"[A-Za-z_][\w./-]*", text, re.ASCII) and text.lower() not in YAML_WORDS
    return text if plain else json.dumps(text, ensure_ascii=False)


def _files(directory: Path) -> Iterator[Path]:
    """Yield all files whose names a policy can hold, in the order of their paths."""
    for root, directories, names in os.walk(directory):
        directories[:] = sorted(one for one in directories if not _is_skipped(Path(root, one)))
        yield from (Path(root) / name for name in sorted(names) if name.isprintable())


def _is_skipped(directory: Path) -> bool:
    name = directory.name
    return name in SKIPPED or name.startswith(".") or not name.isprintable() or (directory / "pyvenv.cfg").exists()


def _names(paths: Sequence[Path]) -> list[str]:
    """Return each file's stem, or its whole path where another file has the same stem."""
    stems = [_name(path.stem) for path in paths]
    return [
        stem if stems.count(stem) == 1 else _name(path.with_suffix("").as_posix())
        for path, stem in zip(paths, stems, strict=True)
    ]


def _name(text: str) -> str:
    """Return a valid name for a path: without surrounding blanks, and only its end if it is too long."""
    return text[-MAX_NAME_LENGTH:].strip()


def _array_names(path: Path) -> frozenset[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            return frozenset(name.removesuffix(".npy") for name in archive.namelist())
    except (OSError, zipfile.BadZipFile):
        return frozenset()


def _model(name: str, path: Path, directory: Path, archives: Mapping[Path, frozenset[str]]) -> FoundModel:
    inputs = _input_names(path)
    fitting = next(
        (archive for archive, names in archives.items() if inputs and inputs <= names and len(names - inputs) <= 1),
        None,
    )
    spare = sorted(archives[fitting] - inputs) if fitting else []
    return FoundModel(
        name=name,
        model=path.relative_to(directory).as_posix(),
        inputs=fitting.relative_to(directory).as_posix() if fitting else None,
        labels=spare[0] if spare else None,
    )


def _input_names(path: Path) -> frozenset[str]:
    """Return the names of a model's inputs; empty for a file that is not a model, which measuring will report."""
    import onnx

    try:
        graph = onnx.load(path, load_external_data=False).graph
    except Exception:  # noqa: BLE001 - protobuf raises different types from version to version
        return frozenset()
    constants = {tensor.name for tensor in graph.initializer}
    return frozenset(node.name for node in graph.input) - constants
