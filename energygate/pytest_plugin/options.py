"""Options, and what stands for them in an ini file."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

TEXTS = (
    ("budget", "ENERGY", "Maximum energy of one request, such as 0.5mWh."),
    (
        "base",
        "REF",
        "Measure the tests beside the merge base of HEAD and this git ref too, such as origin/main.",
    ),
    ("json", "FILE", "Write the result of the session there."),
    ("time", "TIME", "Measuring time per test, such as 10s, which is the default."),
    ("pue", "NUMBER", "Facility energy over IT energy at the site, 1.0 to 3.0."),
    ("policy", "FILE", "The policy: its site, its measurement, and the budgets of entries that name a test."),
)
"""Options that take a text: name, what stands for the text, help."""

_STRICT_HELP = "Fail tests whose budget stays inconclusive."


def is_asked(config: pytest.Config) -> bool:
    """Tell whether the command line asks for measuring: by --energy, or by any other option about how."""
    if config.getoption("energy_off"):
        return False
    how = (*(name for name, _, _ in TEXTS), "strict")
    return bool(config.getoption("energy")) or any(
        config.getoption(f"energy_{name}") is not None for name in how
    )


def add_options(parser: pytest.Parser) -> None:
    """Add `--energy*` to the command line, and `energy*` to ini files.

    Every default is `None`: only so can an option that was not given be told from one that was.
    """
    group = parser.getgroup("energygate", "energy per request (energygate)")
    group.addoption(
        "--energy", action="store_true", help="Measure and judge; any other --energy option does too."
    )
    group.addoption("--energy-off", action="store_true", help="Measure nothing, whatever else is said.")
    for name, metavar, text in TEXTS:
        group.addoption(f"--energy-{name}", metavar=metavar, default=None, help=text)
        parser.addini(f"energy_{name}", f"As --energy-{name}, without turning measuring on.", default=None)
    group.addoption("--energy-strict", action="store_const", const=True, default=None, help=_STRICT_HELP)
    parser.addini("energy_strict", "As --energy-strict.", type="bool", default=None)
    parser.addini("energy", "always: measure without being asked to; default: only with an --energy option.")
