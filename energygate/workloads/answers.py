"""What a workload answers on its inputs, and how right that is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from energygate.errors import MeasurementError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from energygate.workloads.serving import Serving

    Answers = Mapping[str, np.ndarray[Any, Any]]

ALL_CALLS = 1 << 31


def collect_answers(
    serving: Serving, cpus: tuple[int, ...], *, count: int | None = None
) -> dict[str, np.ndarray[Any, Any]]:
    """Answer every distinct call once, untimed, in a fresh worker; one array per output, calls stacked first.

    Args:
        serving: The workload on one side.
        cpus: The CPUs its worker is bound to.
        count: How many calls to answer; every distinct one by default.

    Raises:
        MeasurementError: When the worker fails, or answers differ in shape.
    """
    import numpy as np

    path = serving.scratch / f"answers-{serving.side.name}.npz"
    with serving.open(cpus) as ready:
        ready.worker.outputs(path, count=count or ALL_CALLS)
        ready.worker.shut_down()
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
