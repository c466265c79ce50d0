"""The known ways in which software energy measurement goes wrong, each with the test that it is avoided here.

The list follows what users and researchers report of energy meters in software, and of gates built on them.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parent

PITFALLS = {
    "a slice of a chip is billed the whole chip": (
        "measure/test_power_model.py::test_a_slice_of_a_chip_is_not_charged_with_the_whole_chip"
    ),
    "an unknown processor is guessed without a word": (
        "measure/test_power_model.py::test_an_unknown_cpu_is_noted_as_such"
    ),
    "a load curve that is not linear turns verdicts round": (
        "measure/test_power_model.py::test_energy_does_not_depend_on_how_load_is_spread_over_cpus"
    ),
    "nothing says which method made a number": ("measure/test_comparability.py::test_what_may_be_compared"),
    "a GPU that errs reads 0 J, and passes": (
        "measure/test_gpu_energy.py::test_a_silent_zero_for_a_gpu_from_codecarbon_is_an_error"
    ),
    "a window is shorter than the counter's period": (
        "measure/test_rapl_energy.py::test_a_window_shorter_than_the_counters_period_is_refused"
    ),
    "children are lost, and neighbours billed": (
        "workloads/test_cpu_accounting.py::test_children_missed_by_codecarbons_process_mode_are_counted_here"
    ),
    "a constant for memory drowns everything else": (
        "measure/test_model_meter.py::test_codecarbons_constant_for_memory_is_in_no_reading"
    ),
    "configuration files and variables change the result": (
        "measure/test_isolation.py::test_planted_configuration_changes_no_reading_and_writes_nothing"
    ),
    "the network is asked where this is": (
        "measure/test_isolation.py::test_planted_configuration_changes_no_reading_and_writes_nothing"
    ),
    "PUE is nonsense, or multiplied twice": (
        "gate/test_estimates.py::test_pue_multiplies_energy_exactly_once_and_nothing_else"
    ),
    "fewer or shorter answers look efficient": ("measure/test_caveats.py::test_unlike_units"),
    "drift and order look like a change": ("run/test_launchers.py::test_two_launches_of_a_pair"),
    "counters become unreadable after a reboot": (
        "cli/test_doctor.py::test_for_counters_that_only_root_can_read_the_command_to_open_them_is_shown"
    ),
    "parallel tests count each other": ("measure/test_machine_lock.py::test_a_second_check_waits_until_the_first_ends"),
    "an exception leaves a measurement open": (
        "measure/test_tracker.py::test_a_cancelled_window_does_not_affect_the_next"
    ),
    "a reset counter is taken for one that began anew": (
        "measure/test_rapl_energy.py::test_a_reset_counter_is_not_taken_for_a_wrapped_one"
    ),
    "files, log lines and heavy imports are left behind": (
        "measure/test_isolation.py::test_planted_configuration_changes_no_reading_and_writes_nothing"
    ),
}


@pytest.mark.parametrize("pitfall", PITFALLS)
def test_each_pitfall_has_its_test(pitfall):
    file, _, name = PITFALLS[pitfall].partition("::")
    tree = ast.parse((TESTS / file).read_text("utf-8"))
    assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
