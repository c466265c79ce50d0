"""What the kinds of `energygate export` share: their options, reading policy and result, and writing files."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

from energygate.cli.shared_options import policy_option, workloads_argument
from energygate.errors import UsageError
from energygate.text import suggestion

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    from energygate.cli.shared_options import Command
    from energygate.production.export.source import Source
    from energygate.result.result import Result

DIRECTORY = "energygate-export"
"""Where files go without --output: a directory for each kind below it."""

RULE_LABELS = frozenset(
    {"workload", "outcome", "unit", "le", "pue", "metric", "level", "severity", "alertname", "alertstate"}
)
"""Labels that the exported rules match or set themselves."""

MAX_OWN_BYTES = 20_000_000
"""No exported file is larger; one that is was not written by energygate."""

MANIFEST = re.compile(r"[a-z0-9][a-z0-9-]*\.yaml")
"""Names of exported files in folders of their own."""


def source_options(command: Command) -> Command:
    """Add what `source_from` reads: workloads, policy, result."""
    command = click.option(
        "--result", metavar="RESULT", help="The latest result.json, for what the policy leaves to measuring."
    )(command)
    return workloads_argument(policy_option(command))


def result_options(command: Command) -> Command:
    """Add what `result_for` reads: workloads and the result."""
    command = click.option("--result", metavar="RESULT", required=True, help="A result.json of `check` or `merge`.")(
        command
    )
    return workloads_argument(command)


labels_option = click.option(
    "--match",
    "labels",
    metavar="LABEL=VALUE",
    multiple=True,
    callback=lambda _context, _parameter, matches: labels_from(matches),
    help="Select only series with this label, such as namespace=production, and add it to what is recorded; "
    "may be repeated with other labels.",
)
"""`--match`, which selects series of a server, as the argument `labels`."""


def output_option(kind: str) -> Callable[[Command], Command]:
    """Add `--output`, the directory for a kind of files."""
    return click.option(
        "--output",
        metavar="DIR",
        default=f"{DIRECTORY}/{kind}",
        show_default=True,
        help="Directory to write into.",
    )


def source_from(policy: str, result: str | None, workloads: Sequence[str]) -> Source:
    """Read what an exporter needs, narrowed to the named workloads; warn of those that the result lacks.

    Raises:
        PolicyError: The policy cannot be read.
        MeasurementError: The result cannot be read.
        UsageError: The policy has no such workload.
    """
    from energygate.cli.results import result_from
    from energygate.policy import load_policy
    from energygate.production.export.source import Source

    whole = load_policy(policy)
    chosen = _chosen(workloads, list(whole.workloads), policy)
    narrowed = whole.model_copy(update={"workloads": {name: whole.workloads[name] for name in chosen}})
    if result is None:
        return Source(policy=narrowed)
    measured = result_from(result)
    known = {one.name for one in measured.workloads if one.metrics}
    lacking = [name for name in chosen if name not in known]
    if lacking:
        click.echo(f"energygate: {result} has no measurement of {', '.join(lacking)}", err=True)
    return Source(policy=narrowed, result=measured)


def result_for(result: str, workloads: Sequence[str]) -> Result:
    """Read a result, narrowed to the named workloads.

    Raises:
        MeasurementError: The result cannot be read.
        UsageError: It has no such workload.
    """
    from energygate.cli.results import result_from

    whole = result_from(result)
    chosen = _chosen(workloads, [one.name for one in whole.workloads], result)
    return whole.model_copy(update={"workloads": tuple(one for one in whole.workloads if one.name in chosen)})


def labels_from(matches: Sequence[str]) -> dict[str, str]:
    """Read labels and their values from `--match`.

    Raises:
        UsageError: One is not a label, is used by the rules themselves, or is given twice.
    """
    labels: dict[str, str] = {}
    for one in matches:
        name, equals, value = one.partition("=")
        if not equals or not re.fullmatch("[a-zA-Z_][a-zA-Z0-9_]*", name):
            raise UsageError(f"--match {one!r} does not name a label", hint="Write for example namespace=production")
        if name.startswith("__"):
            raise UsageError(
                f"--match {one!r}: labels that begin with __ are reserved by Prometheus",
                hint="Choose a label of the series, such as namespace=production",
            )
        if name in RULE_LABELS:
            raise UsageError(
                f"--match {one!r}: the rules use the label {name!r} themselves",
                hint="Name workloads as arguments" if name == "workload" else "Choose another one",
            )
        if name in labels:
            raise UsageError(
                f"--match was given twice for the label {name!r}, and a series has one value of it",
                hint="Export once for each value, each with an --output of its own",
            )
        labels[name] = value
    return labels


def write(files: Mapping[str, str], output: str, following: str, *, notes: Iterable[str] = ()) -> None:
    """Write files into a directory, and print which, the notes, and what to do next.

    Args:
        files: Texts by their paths in the directory.
        output: The directory; it is created if it does not exist.
        following: The next command, in which `{output}` stands for the directory.
        notes: What the files leave open, a line each, without its full stop.

    Raises:
        UsageError: A file there was not written by energygate, and no file is written; or one cannot be written.
    """
    from pathlib import Path

    directory = Path(output)
    try:
        for name in sorted(files):
            _refuse_foreign(directory, name)
        for name in sorted(files):
            path = directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(files[name], encoding="utf-8", newline="\n")
            click.echo(f"Wrote {path}")
    except OSError as error:
        raise UsageError(f"cannot write {error.filename or output}: {error.strerror}") from None
    for note in notes:
        click.echo(f"Note: {note}.")
    import shlex

    click.echo(f"Next: {following.format(output=shlex.quote(output))}")


def _refuse_foreign(directory: Path, name: str) -> None:
    """Refuse to replace others' files: a checkout may contain anything there, even links that lead out of it."""
    from energygate.production.export.documents import MARK

    path = directory / name
    inside = path.resolve().is_relative_to(directory.resolve())
    if inside and not path.is_symlink():
        if not path.exists():
            return
        if path.is_file() and path.stat().st_size <= MAX_OWN_BYTES and MARK.encode() in path.read_bytes():
            return
    raise UsageError(
        f"{path} exists and was not written by energygate",
        hint="Move it away, or choose another directory with --output",
    )


def leftovers(directory: Path, written: Collection[str], *, kind: str, folders: Collection[str]) -> list[Path]:
    """Find the files that an earlier export of the same kind left in a directory.

    Args:
        directory: The export's directory.
        written: Paths in it that this export has written.
        kind: The kind, as in the first line of its files.
        folders: The folders of the directory to look in.

    Returns:
        The files, sorted; neither others' files nor what a link leads to.
    """
    from energygate.production.export.documents import MARK

    first = f"# {MARK} {kind} from ".encode()
    paths = []
    for folder in sorted(folders):
        place = directory / folder
        if place.is_symlink() or not place.is_dir():
            continue
        for path in sorted(place.iterdir()):
            is_manifest = MANIFEST.fullmatch(path.name) and path.is_file() and not path.is_symlink()
            if is_manifest and f"{folder}/{path.name}" not in written and _begins(path, first):
                paths.append(path)
    return paths


def _begins(path: Path, start: bytes) -> bool:
    with path.open("rb") as file:
        return file.read(len(start)) == start


def _chosen(names: Sequence[str], known: list[str], where: str) -> list[str]:
    """Return the named workloads in the order of the policy; without names, all of them."""
    for name in names:
        if name not in known:
            hint = suggestion(name, known, otherwise=f"There are {', '.join(known)}")
            raise UsageError(f"there is no workload {name!r}", where=where, hint=hint)
    return [name for name in known if not names or name in names]
