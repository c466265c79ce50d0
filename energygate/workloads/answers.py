"""Collect what a workload answers on its inputs, and compute its accuracy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from energygate.errors import MeasurementError, WorkerDied
from energygate.text import quote

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
        payloads: Sizes of requests and answers in bytes, per request.
        answers: One array per output, calls stacked first; or the reason why the answers cannot be compared.
    """

    payloads: Payloads
    answers: Answers | MeasurementError

    def answers_or_raise(self) -> Answers:
        """Return the answers.

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
        MeasurementError: When the worker fails, or a request fails without a `success_rate` budget.
    """
    path = serving.scratch / f"answers-{serving.side.name}.npz"
    with serving.open(cpus) as ready:
        payloads = _payloads(ready, serving, keep=True)
        answers: Answers | MeasurementError
        try:
            ready.worker.outputs(path, count=ALL_CALLS)
        except WorkerDied:
            raise
        except MeasurementError as error:  # answers that differ in shape, for example, still have a size
            answers = error
        else:
            answers = _read(path)
            ready.worker.shut_down()
    return CollectedAnswers(payloads=payloads, answers=answers)


def measure_payloads(serving: Serving, cpus: tuple[int, ...]) -> Payloads:
    """Measure request and answer sizes as `collect` does, without keeping the answers.

    Raises:
        MeasurementError: As for `collect`.
    """
    with serving.open(cpus) as ready:
        payloads = _payloads(ready, serving, keep=False)
        ready.worker.shut_down()
    return payloads


def _payloads(ready: ReadyWorker, serving: Serving, *, keep: bool) -> Payloads:
    tolerant = "success_rate" in serving.workload.budgets
    payloads = ready.worker.answer(count=ALL_CALLS, tolerant=tolerant, keep=keep)
    serving.refuse_copies(ready.worker)  # a call may be the first to import something
    return payloads.per_request(ready.requests_per_call)


def _read(path: Path) -> Answers:
    import numpy as np

    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def read_labels(serving: Serving) -> np.ndarray[Any, Any]:
    """Read the right answers from the workload's inputs file.

    Raises:
        MeasurementError: When the file lacks the array, or is unreadable.
    """
    import numpy as np

    workload = serving.workload
    try:
        with np.load(serving.inputs_directory / str(workload.inputs), allow_pickle=False) as archive:
            names = archive.files
            labels = archive[workload.labels] if workload.labels in names else None
    except Exception as error:  # noqa: BLE001 - numpy and zipfile raise a dozen types
        what = f"cannot read the labels in {workload.inputs}: {error}"
        raise MeasurementError(what, where=serving.label) from None
    if labels is None:
        raise MeasurementError(
            f"`labels` names {quote(str(workload.labels))}, which {workload.inputs} does not contain",
            where=serving.label,
            hint=f"It contains {', '.join(map(quote, names))}",
        )
    return np.asarray(labels).reshape(-1)


def accuracy(answers: Answers, labels: np.ndarray[Any, Any], *, label: str) -> float:
    """Return the share of right answers: by the class with the highest score, or the class that is the answer.

    Args:
        answers: The first output counts. Floats are class scores along the last axis; anything else is a class.
        labels: The right class of each row.
        label: What error messages call the workload.

    Raises:
        MeasurementError: When answers do not match the labels in number or type.
    """
    if not answers:
        raise MeasurementError("accuracy needs answers, but requests return none", where=label)
    name, first = next(iter(answers.items()))
    if first.dtype.kind == "f":
        if first.ndim < 2 or first.shape[-1] < 2:  # noqa: PLR2004 - scores need classes to choose from
            raise MeasurementError(
                f"accuracy needs classes or class scores; output {quote(name)} is one float per request",
                where=label,
            )
        first = first.argmax(axis=-1)
    classes = first.reshape(-1)
    # An incomplete last call is left out, so there may be fewer answers than labels.
    if not 0 <= len(labels) - len(classes) < max(1, first[0].size):
        raise MeasurementError(f"output {quote(name)} has {len(classes)} answers for {len(labels)} labels", where=label)
    if (classes.dtype.kind == "U") != (labels.dtype.kind == "U"):
        raise MeasurementError(
            f"output {quote(name)} is {classes.dtype} and the labels are {labels.dtype}: they can never be equal",
            where=label,
        )
    return float((classes == labels[: len(classes)]).mean())
