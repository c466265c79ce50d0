"""Options that several commands share; their values are checked before anything heavy is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import click

from energygate.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

Command = TypeVar("Command", bound="Callable[..., Any]")

POLICY_FILE = "energygate.yml"

policy_option = click.option(
    "--policy", metavar="FILE", default=POLICY_FILE, show_default=True, help="The policy file."
)
workloads_argument = click.argument("workloads", nargs=-1, metavar="[WORKLOAD]...")
json_option = click.option("--json", "json_path", metavar="FILE", help="Write the result there; - for standard output.")


class Time(click.ParamType):  # type: ignore[type-arg]  # click 8.1 has no argument for it
    """A positive time such as `20 s`, in seconds."""

    name = "time"

    def convert(
        self,
        value: Any,  # noqa: ANN401 - click's
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> float:
        """Read the text of an option.

        Raises:
            click.BadParameter: It is not a positive time.
        """
        from energygate.policy.unit_families import Family
        from energygate.policy.units import parse_quantity

        try:
            seconds = parse_quantity(value, Family.TIME).value
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if seconds <= 0:
            self.fail("it must be more than 0 s", param, ctx)
        return seconds


def quantity(text: str, family: str, *, option: str) -> float:
    """Read the quantity that an option gives, in the canonical unit of its family.

    Raises:
        UsageError: It is none; the message names the option.
    """
    from energygate.policy.unit_families import Family
    from energygate.policy.units import parse_quantity

    try:
        return parse_quantity(text, Family(family)).value
    except ValueError as error:
        raise UsageError(f"{option}: {error}") from None


def base_options(command: Command) -> Command:
    """Add `--base` and `--base-dir`."""
    command = click.option(
        "--base-dir", metavar="DIR", callback=_one_base, help="Compare with this directory, without git."
    )(command)
    return click.option(
        "--base", metavar="REF", callback=_one_base, help="Compare with the merge base of HEAD and this ref."
    )(command)


def _one_base(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    other = context.params.get("base" if parameter.name == "base_dir" else "base_dir")
    if value is not None and other is not None:
        raise click.UsageError("--base and --base-dir exclude each other", context)
    return value


def verdict_options(command: Command) -> Command:
    """Add `--strict` and `--quiet`."""
    command = click.option("-q", "--quiet", is_flag=True, help="Print the verdict's line only.")(command)
    return click.option("--strict", is_flag=True, help="Exit with 4 when a budget stays inconclusive.")(command)
