"""The command line. Commands import what they need after parsing, so that `--help` and mistakes are quick."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, NoReturn

import click

from energygate.cli.action import action
from energygate.cli.check import check, demo
from energygate.cli.comment import comment
from energygate.cli.doctor import doctor
from energygate.cli.export import export
from energygate.cli.init import init
from energygate.cli.matrix import matrix
from energygate.cli.merge import merge
from energygate.cli.report import report
from energygate.cli.route import route
from energygate.cli.schema import schema
from energygate.cli.streams import abandon, make_tolerant
from energygate.errors import EnergygateError, unexpected
from energygate.version import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@click.group(context_settings=CONTEXT)
@click.version_option(__version__, prog_name="energygate", message="%(prog)s %(version)s")
def cli() -> None:
    """Measure the energy of one inference request, and hold it to a budget.

    Start with `energygate init` in a project with .onnx models, or see `energygate demo`.
    """


for command in (action, check, comment, demo, doctor, export, init, matrix, merge, report, route, schema):
    cli.add_command(command)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit with the code that `check` documents, or 130 when interrupted."""
    _exit_cleanly_on_signals()
    make_tolerant()
    try:
        sys.exit(cli.main(args=arguments, prog_name="energygate", standalone_mode=False))
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        _print_error("interrupted")
        sys.exit(130)
    except EnergygateError as error:
        _print_error(str(error))
        for line in (error.detail or "").splitlines():
            click.echo(f"  | {line}", err=True)
        sys.exit(error.exit_code)
    except BrokenPipeError:  # the reader has closed the pipe
        abandon(sys.stdout)
        sys.exit(141)
    except Exception as error:
        if os.environ.get("ENERGYGATE_DEBUG"):
            raise
        _print_error(str(unexpected(error)))
        if isinstance(error, OSError):
            abandon(sys.stdout)
        else:
            _print_error("ENERGYGATE_DEBUG=1 shows where")
        sys.exit(3)


def _print_error(text: str) -> None:
    for line in text.splitlines():
        click.echo(f"energygate: {line}", err=True)


def _exit_cleanly_on_signals() -> None:
    """Turn signals into an ordinary exit: workers are killed, temporary files removed."""
    for name in ("SIGTERM", "SIGHUP"):  # the latter is unknown to Windows
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _terminate)


def _terminate(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)
