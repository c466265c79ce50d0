"""Which GPUs a workload may use: `CUDA_VISIBLE_DEVICES` and `device_id`, by CUDA's rules."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from energygate.errors import MeasurementError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from energygate.measure.gpus.card import ListedGpu
    from energygate.policy import Workload

ONE_CUDA_GPU = frozenset({"CUDAExecutionProvider", "TensorrtExecutionProvider", "NvTensorRTRTXExecutionProvider"})
ONE_ROCM_GPU = frozenset({"ROCMExecutionProvider", "MIGraphXExecutionProvider"})
"""onnxruntime's providers that run on one GPU: `device_id` among the visible ones, by default the first."""


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which of a machine's GPUs a workload may use.

    Attributes:
        visible: `CUDA_VISIBLE_DEVICES`; `None` when it is not set: all GPUs.
        rocm_visible: AMD's equivalent; `None` when it is not set.
        device_id: Index among the visible GPUs of the only one used; `None` when all may be used.
        pci_order: Whether CUDA numbers GPUs in the driver's order (`CUDA_DEVICE_ORDER=PCI_BUS_ID`) rather than from
            the fastest to the slowest.
    """

    visible: str | None = None
    rocm_visible: str | None = None
    device_id: int | None = None
    pci_order: bool = False


def selection_for(workload: Workload, environment: Mapping[str, str]) -> Selection | None:
    """Return which GPUs a workload may use in this environment; `None` for ONNX models on a CPU provider.

    Raises:
        MeasurementError: When `device_id` is not a number.
    """
    device_id = None
    if workload.kind == "onnx":
        if workload.provider_name == "CPUExecutionProvider":
            return None
        if workload.provider_name in ONE_CUDA_GPU | ONE_ROCM_GPU:
            device_id = _device_id(workload.provider_options)
    rocm = ("ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES")
    return Selection(
        visible=environment.get("CUDA_VISIBLE_DEVICES"),
        rocm_visible=next((environment[name] for name in rocm if name in environment), None),
        device_id=device_id,
        pci_order=environment.get("CUDA_DEVICE_ORDER") == "PCI_BUS_ID",
    )


def chosen(listed: Sequence[ListedGpu], selection: Selection) -> tuple[int, ...]:
    """Return the indices of the NVIDIA GPUs that a workload may use, in CUDA's order.

    The rules are those of the CUDA programming guide, "CUDA environment variables", and where it says nothing those
    of `torch.cuda`: an invalid entry ends the list, a duplicate empties it, numbers are read up to the first other
    character, and UUIDs of GPUs, UUIDs of MIG instances and numbers are not mixed.

    Raises:
        MeasurementError: When `device_id` is out of range, or CUDA's order cannot be known.
    """
    seen = tuple(gpu.index for gpu in listed)
    if selection.visible is not None:
        seen = visible(listed, selection.visible)
    by_name = selection.visible is not None and selection.visible.startswith(("GPU-", "MIG-"))
    alike = len({gpu.name for gpu in listed}) == 1
    used = _one_of(seen, selection.device_id)
    if used and set(used) != {gpu.index for gpu in listed} and not (alike or by_name or selection.pci_order):
        raise MeasurementError(
            f"this machine's GPUs differ ({', '.join(sorted({gpu.name for gpu in listed}))}), and CUDA numbers them "
            "from the fastest to the slowest, so it is unknown which ones are used",
            hint="Set CUDA_DEVICE_ORDER=PCI_BUS_ID, or use UUIDs in CUDA_VISIBLE_DEVICES",
        )
    return used


def chosen_rocm(count: int, selection: Selection) -> tuple[int, ...]:
    """Return the indices of the AMD GPUs that a workload may use, of `count` in the machine.

    Raises:
        MeasurementError: When the selection is not by number, or `device_id` is out of range.
    """
    text = selection.visible if selection.rocm_visible is None else selection.rocm_visible
    if text is None:
        return _one_of(tuple(range(count)), selection.device_id)
    if not re.fullmatch(r"\s*(?:-?\d+\s*(?:,\s*-?\d+\s*)*)?", text):
        raise MeasurementError(f"cannot tell which AMD GPUs {text!r} selects", hint="Select them by number: 0, or 0,1")
    return _one_of(_by_number(text, count), selection.device_id)


def visible(listed: Sequence[ListedGpu], text: str) -> tuple[int, ...]:
    """Return the indices of the GPUs in `CUDA_VISIBLE_DEVICES`, in its order."""
    if text.startswith("GPU-"):
        return _by_name(text, "GPU-", lambda entry: _starting_with(listed, entry))
    if text.startswith("MIG-"):
        return _by_name(text, "MIG-", lambda entry: _holding(listed, entry))
    return _by_number(text, len(listed))


def _by_number(text: str, count: int) -> tuple[int, ...]:
    matches = (re.match(r"[+-]?\d+", entry.strip()) for entry in text.split(","))
    numbers = [-1 if match is None else int(match.group()) for match in matches]
    return _valid([number if number < count else -1 for number in numbers])


def _by_name(text: str, prefix: str, find: Callable[[str], int]) -> tuple[int, ...]:
    entries = [entry.strip() for entry in text.split(",")]
    known = list(itertools.takewhile(lambda entry: entry.startswith(prefix), entries))
    return () if len(set(known)) < len(known) else _valid([find(entry) for entry in known], repeats=prefix == "MIG-")


def _valid(indices: Sequence[int], *, repeats: bool = False) -> tuple[int, ...]:
    """Return the indices before the first invalid one; none where one is repeated, unless `repeats`."""
    kept = tuple(itertools.takewhile(lambda index: index >= 0, indices))
    once = tuple(dict.fromkeys(kept))
    return once if repeats or once == kept else ()


def _starting_with(listed: Sequence[ListedGpu], entry: str) -> int:
    matching = [gpu.index for gpu in listed if gpu.uuid.startswith(entry)]
    return matching[0] if len(matching) == 1 else -1


def _holding(listed: Sequence[ListedGpu], entry: str) -> int:
    """Return the GPU of a MIG instance: `MIG-<uuid>`, or `MIG-GPU-<uuid>/1/0` of older drivers."""
    parent = entry[len("MIG-") :].partition("/")[0]
    matching = [
        gpu.index
        for gpu in listed
        if gpu.uuid == parent or any(instance.startswith(entry) for instance in gpu.mig_uuids)
    ]
    return matching[0] if len(matching) == 1 else -1


def _one_of(seen: tuple[int, ...], device_id: int | None) -> tuple[int, ...]:
    if device_id is None or not seen:
        return seen
    if not 0 <= device_id < len(seen):
        visible_gpus = "1 GPU is" if len(seen) == 1 else f"{len(seen)} GPUs are"
        raise MeasurementError(
            f"device_id is {device_id}, but {visible_gpus} visible",
            hint="`provider_options: {device_id: 0}` is the first one in CUDA_VISIBLE_DEVICES",
        )
    return (seen[device_id],)


def _device_id(options: Mapping[str, str]) -> int:
    text = str(options.get("device_id", "0")).strip()
    if not text.isdigit():
        raise MeasurementError(f"`provider_options: {{device_id: {text}}}` is not the number of a GPU")
    return int(text)
