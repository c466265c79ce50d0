"""What a workload answers on its inputs, and how right that is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from energygate.errors import MeasurementError, WorkerDied

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np

    from energygate.workloads.protocol import Payloads
    from energygate.workloads.serving import ReadyWorker, Serving

    Answers = Mapping[str, np.ndarray[Any, Any]]

ALL_CALLS = 1 << 31


@dataclass(frozen=True, kw_only=True)
class CollectedAnswers:
    """What one side answers to its distinct requests.

    Attributes:
        payloads: How many bytes requests and answers are, per request.
        answers: One array per output, calls stacked first; or why there are none, though they have been answered.
    """

    payloads: Payloads
    answers: Answers | MeasurementError

    def to_judge(self) -> Answers:
        """The answers.

        Raises:
            MeasurementError: When there are none.
        """
        if isinstance(self.answers, MeasurementError):
            raise self.answers
        return self.answers


def collect(serving: Serving, cpus: tuple[int, ...]) -> CollectedAnswers:
    """Answer every distinct call once, untimed, in a fresh worker.

    Args:
        serving: The workload on one side.
        cpus: The CPUs its worker is bound to.

    Raises:
        MeasurementError: When the worker fails, or a request does where no `success_rate` budget lets it.
    """
    path = serving.scratch / f"answers-{serving.side.name}.npz"
    with serving.open(cpus) as ready:
        payloads = _payloads(ready, serving, keep=True)
        answers: Answers | MeasurementError
        try:
            ready.worker.outputs(path, count=ALL_CALLS)
        except WorkerDied:
            raise
        except MeasurementError as error:  # answers that differ in shape, say, have a size all the same
            answers = error
        else:
            answers = _read(path)
            ready.worker.shut_down()
    return CollectedAnswers(payloads=payloads, answers=answers)


def weigh_answers(serving: Serving, cpus: tuple[int, ...]) -> Payloads:
    """How many bytes requests and answers are, per request: as `collect`, without the answers.

    Raises:
        MeasurementError: The same.
    """
    with serving.open(cpus) as ready:
        payloads = _payloads(ready, serving, keep=False)
        ready.worker.shut_down()
    return payloads


def collect_answers(serving: Serving, cpus: tuple[int, ...]) -> dict[str, np.ndarray[Any, Any]]:
    """What every distinct call is answered: one array per output, calls stacked first.

    Raises:
        MeasurementError: When the worker fails, or answers differ in shape.
    """
    return dict(collect(serving, cpus).to_judge())


def _payloads(ready: ReadyWorker, serving: Serving, *, keep: bool) -> Payloads:
    tolerant = "success_rate" in serving.workload.budgets
    payloads = ready.worker.answer(count=ALL_CALLS, tolerant=tolerant, keep=keep)
    serving.refuse_copies(ready.worker)  # a call may be the first to import something
    return payloads.of_each(ready.requests_per_call)


def _read(path: Path) -> Answers:
    import numpy as np

    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def read_labels(serving: Serving) -> np.ndarray[Any, Any]:
    """The right answers from the workload's inputs file.

    Raises:
        MeasurementError: When the file has no such array, or cannot be read.
    """
    import numpy as np

    workload = serving.workload
    try:
        with np.load(serving.inputs_directory / str(workload.inputs), allow_pickle=False) as archive:
            names = archive.files
            labels = archive[workload.labels] if workload.labels in names else None
    except Exception as error:  # noqa: BLE001 - numpy and zipfile raise a dozen types
        what = f"the labels in {workload.inputs} cannot be read: {error}"
        raise MeasurementError(what, where=serving.label) from None
    if labels is None:
        raise MeasurementError(
            f"`labels` names {workload.labels!r}, which {workload.inputs} does not hold",
            where=serving.label,
            hint=f"It holds {', '.join(map(repr, names))}",
        )
    return np.asarray(labels).reshape(-1)


def accuracy(answers: Answers, labels: np.ndarray[Any, Any], *, label: str) -> float:
    """Share of answers that are right: the class with the highest score, or the class that is the answer.

    Args:
        answers: The first output decides. Floats are class scores along the last axis; all else are classes.
        labels: The right classes, one per answered row.
        label: What error messages call the workload.

    Raises:
        MeasurementError: When answers and labels cannot be matched up.
    """
    if not answers:
        raise MeasurementError("accuracy needs answers; requests return empty ones", where=label)
    name, first = next(iter(answers.items()))
    if first.dtype.kind == "f":
        if first.ndim < 2 or first.shape[-1] < 2:  # noqa: PLR2004 - scores need classes to choose from
            raise MeasurementError(
                f"accuracy needs classes or class scores; output {name!r} is one float per request",
                where=label,
            )
        first = first.argmax(axis=-1)
    classes = first.reshape(-1)
    # A last call that would not be full is left out, so there may be fewer answers than labels.
    if not 0 <= len(labels) - len(classes) < max(1, first[0].size):
        raise MeasurementError(
            f"output {name!r} gives {len(classes)} answers, and there are {len(labels)} labels", where=label
        )
    if (classes.dtype.kind == "U") != (labels.dtype.kind == "U"):
        raise MeasurementError(
            f"output {name!r} gives {classes.dtype}, and the labels are {labels.dtype}: they cannot be equal",
            where=label,
        )
    return float((classes == labels[: len(classes)]).mean())
