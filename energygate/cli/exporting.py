"""What the kinds of `energygate export` share: their options, reading policy and result, and writing the files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from energygate.production.export.source import Source
    from energygate.result.result import Result

Command = TypeVar("Command", bound="Callable[..., Any]")

DIRECTORY = "energygate-export"
"""Where files go without --output: a directory for each kind below it."""

OWN_LABELS = frozenset(
    {"workload", "outcome", "unit", "le", "pue", "metric", "level", "severity", "alertname", "alertstate"}
)
"""Labels that the exported rules ask for or give themselves."""

MAX_OWN_BYTES = 20_000_000
"""No exported file is larger; one that is, is somebody else's."""


def for_workloads(command: Command) -> Command:
    """Give a kind's command the arguments that it hands to `source_from`: workloads, policy, result."""
    command = click.option(
        "--result", metavar="RESULT", help="The latest result.json, for what the policy leaves to measuring."
    )(command)
    command = click.option(
        "--policy", metavar="FILE", default="energygate.yml", show_default=True, help="The policy file."
    )(command)
    return click.argument("workloads", nargs=-1, metavar="[WORKLOAD]...")(command)


def for_result(command: Command) -> Command:
    """Give a kind's command the arguments that it hands to `result_for`: workloads and the result."""
    command = click.option(
        "--result", metavar="RESULT", required=True, help="A result.json of `check` or `merge`."
    )(command)
    return click.argument("workloads", nargs=-1, metavar="[WORKLOAD]...")(command)


def for_series(command: Command) -> Command:
    """Give a kind's command the argument that it hands to `labels_from`: which series of a server are looked at."""
    return click.option(
        "--match",
        "matches",
        metavar="LABEL=VALUE",
        multiple=True,
        help="Look only at series with this label, such as namespace=production, and give it to what is recorded; "
        "may be repeated with other labels.",
    )(command)


def to_directory(kind: str) -> Callable[[Command], Command]:
    """Give a kind's command its `--output`, as the argument `output`."""
    return click.option(
        "--output",
        metavar="DIR",
        default=f"{DIRECTORY}/{kind}",
        show_default=True,
        help="Directory to write into.",
    )


def source_from(policy: str, result: str | None, workloads: Sequence[str]) -> Source:
    """Read what an exporter is made from, narrowed to the workloads that were named; say which the result lacks.

    Raises:
        PolicyError: The policy cannot be read.
        MeasurementError: The result cannot be read.
        UsageError: The policy has no such workload.
    """
    from energygate.cli.result_input import result_from
    from energygate.policy import load_policy
    from energygate.production.export.source import Source

    found = load_policy(policy)
    chosen = _chosen(workloads, list(found.workloads), policy)
    narrowed = found.model_copy(update={"workloads": {name: found.workloads[name] for name in chosen}})
    if result is None:
        return Source(policy=narrowed)
    measured = result_from(result)
    known = {one.name for one in measured.workloads if one.metrics}
    lacking = [name for name in chosen if name not in known]
    if lacking:
        click.echo(f"energygate: {result} measured nothing of {', '.join(lacking)}", err=True)
    return Source(policy=narrowed, result=measured)


def labels_from(matches: Sequence[str]) -> dict[str, str]:
    """Read labels and their values as `--match` has them.

    Raises:
        UsageError: One is no label, one whose values are the rules' own business, or the same as another.
    """
    import re

    from energygate.errors import UsageError

    labels: dict[str, str] = {}
    for one in matches:
        name, equals, value = one.partition("=")
        if not equals or not re.fullmatch("[a-zA-Z_][a-zA-Z0-9_]*", name):
            raise UsageError(
                f"--match {one!r} names no label to look for", hint="Write for example namespace=production"
            )
        if name.startswith("__"):
            raise UsageError(
                f"--match {one!r}: labels that begin with __ are Prometheus' own",
                hint="Write one that the series have, such as namespace=production",
            )
        if name in OWN_LABELS:
            raise UsageError(
                f"--match {one!r}: {name!r} is a label that the rules use themselves",
                hint="Name workloads as arguments" if name == "workload" else "Choose another one",
            )
        if name in labels:
            raise UsageError(
                f"--match was given twice for the label {name!r}, and a series has one value of it",
                hint="Export once for each value, each with an --output of its own",
            )
        labels[name] = value
    return labels


def result_for(result: str, workloads: Sequence[str]) -> Result:
    """Read a result, narrowed to the workloads that were named.

    Raises:
        MeasurementError: The result cannot be read.
        UsageError: It has no such workload.
    """
    from energygate.cli.result_input import result_from

    found = result_from(result)
    chosen = _chosen(workloads, [one.name for one in found.workloads], result)
    return found.model_copy(update={"workloads": tuple(one for one in found.workloads if one.name in chosen)})


def write(files: Mapping[str, str], output: str, following: str, *, notes: Iterable[str] = ()) -> None:
    """Write files into a directory, made if need be, and say which and what to do next.

    Args:
        files: Texts by their paths in the directory.
        output: The directory.
        following: The next command, in which `{output}` stands for the directory.
        notes: What the files leave open, a line each, without its full stop.

    Raises:
        UsageError: A file there is not energygate's own, or cannot be written; none is then written, where that can
            be told beforehand.
    """
    import shlex
    from pathlib import Path

    from energygate.errors import UsageError

    directory = Path(output)
    try:
        for name in sorted(files):
            _keep_what_is_not_ours(directory, name)
        for name in sorted(files):
            path = directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(files[name], encoding="utf-8", newline="\n")
            click.echo(f"Wrote {path}")
    except OSError as error:
        raise UsageError(f"{error.filename or output} cannot be written: {error.strerror}") from None
    for note in notes:
        click.echo(f"Note: {note}.")
    click.echo(f"Next: {following.format(output=shlex.quote(output))}")


def _keep_what_is_not_ours(directory: Path, name: str) -> None:
    """A checkout may hold anything at that place, links that lead elsewhere among it."""
    from energygate.errors import UsageError
    from energygate.production.export.documents import MARK

    path = directory / name
    inside = path.resolve().is_relative_to(directory.resolve())
    if inside and not path.is_symlink():
        if not path.exists():
            return
        if path.is_file() and path.stat().st_size <= MAX_OWN_BYTES and MARK.encode() in path.read_bytes():
            return
    raise UsageError(
        f"{path} is there already and was not written by energygate",
        hint="Move it away, or choose another directory with --output",
    )


def _chosen(names: Sequence[str], known: list[str], where: str) -> list[str]:
    """The workloads that were named, in their own order; all of them without a name."""
    import difflib

    from energygate.errors import UsageError

    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            guess = f"Did you mean {near[0]!r}?" if near else f"There are {', '.join(known)}"
            raise UsageError(f"there is no workload {name!r}", where=where, hint=guess)
    return [name for name in known if not names or name in names]
