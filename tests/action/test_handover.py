"""Between two steps of a job: the pull request's code can put links into the directory, and nothing follows them."""

from __future__ import annotations

import builders

from energygate.action.handover import Handover, StepFailure

FAILURE = StepFailure(message="the worker died", hint=None, detail=None, exit_code=3)


def test_a_result_replaces_a_link_and_not_what_it_points_to(tmp_path):
    precious, handover = tmp_path / "precious", Handover(directory=tmp_path)
    precious.write_text("keep me")
    handover.result_path.symlink_to(precious)
    result = builders.result(builders.workload_result())
    handover.leave_result(result)
    assert precious.read_text() == "keep me"
    assert handover.result() == result


def test_what_a_link_points_to_is_not_read(tmp_path):
    honest, forged = (Handover(directory=tmp_path / name) for name in ("honest", "forged"))
    for handover in (honest, forged):
        handover.directory.mkdir()
    honest.leave_result(builders.result(builders.workload_result()))
    honest.leave_failure(FAILURE)
    for file in honest.directory.iterdir():
        (forged.directory / file.name).symlink_to(file)
    assert honest.failure() == FAILURE
    assert forged.result() is None
    assert forged.failure().message == "the measuring step ended without a result"
