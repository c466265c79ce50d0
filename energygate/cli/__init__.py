"""The command line: wiring only. Commands import what they need when they run: `--help` stays instant."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, NoReturn

import click

from energygate import __version__
from energygate.cli.check import check
from energygate.cli.demo import demo
from energygate.cli.init import init
from energygate.cli.schema import schema
from energygate.errors import EnergygateError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@click.group(context_settings=CONTEXT)
@click.version_option(__version__, prog_name="energygate", message="%(prog)s %(version)s")
def cli() -> None:
    r"""Measure what one inference request costs in energy, and hold it to a budget.

    \b
    energygate init     write a policy for the models found here
    energygate check    measure and judge; exit code 1 when a budget is broken
    energygate demo     see it work on the shipped fixtures
    """


for command in (check, demo, init, schema):
    cli.add_command(command)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit with the code that `check` documents, or 130 when interrupted."""
    signal.signal(signal.SIGTERM, _terminate)
    try:
        sys.exit(cli.main(args=arguments, prog_name="energygate", standalone_mode=False))
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        _say("interrupted")
        sys.exit(130)
    except EnergygateError as error:
        _say(str(error))
        if error.detail:
            _say("\n".join(f"  | {line}" for line in error.detail.splitlines()))
        sys.exit(error.exit_code)
    except BrokenPipeError:  # whoever read the output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except Exception as error:
        if os.environ.get("ENERGYGATE_DEBUG"):
            raise
        _say(
            f"internal error, please report it: {type(error).__name__}: {error} "
            "(ENERGYGATE_DEBUG=1 shows where)"
        )
        sys.exit(3)


def _say(text: str) -> None:
    click.echo(f"energygate: {text}" if not text.startswith("  |") else text, err=True)


def _terminate(_signal: int, _frame: FrameType | None) -> None:
    """Leave by the ordinary way out, on which workers are killed and temporary files removed."""
    sys.exit(143)
