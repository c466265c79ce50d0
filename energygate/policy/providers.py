"""Names of execution providers: short in a policy, long in onnxruntime."""

from __future__ import annotations

import difflib
import re
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

PROVIDERS: Mapping[str, str] = MappingProxyType(
    {
        "cpu": "CPUExecutionProvider",
        "cuda": "CUDAExecutionProvider",
        "tensorrt": "TensorrtExecutionProvider",
        "nvtensorrtrtx": "NvTensorRTRTXExecutionProvider",
        "coreml": "CoreMLExecutionProvider",
        "openvino": "OpenVINOExecutionProvider",
        "directml": "DmlExecutionProvider",
        "rocm": "ROCMExecutionProvider",
        "migraphx": "MIGraphXExecutionProvider",
        "qnn": "QNNExecutionProvider",
        "dnnl": "DnnlExecutionProvider",
        "xnnpack": "XnnpackExecutionProvider",
        "nnapi": "NnapiExecutionProvider",
        "cann": "CANNExecutionProvider",
        "vitisai": "VitisAIExecutionProvider",
        "acl": "ACLExecutionProvider",
        "armnn": "ArmNNExecutionProvider",
        "rknpu": "RknpuExecutionProvider",
        "vsinpu": "VSINPUExecutionProvider",
        "webgpu": "WebGpuExecutionProvider",
        "azure": "AzureExecutionProvider",
    }
)
"""Short name to onnxruntime's own, as `onnxruntime.get_all_providers()` spells it (1.20 to 1.31)."""


FULL_NAME_PATTERN = "^[A-Za-z0-9]+ExecutionProvider$"


def provider_name(provider: str) -> str:
    """Return onnxruntime's name of `provider`.

    Args:
        provider: A short name (`cuda`), or a full one (`CUDAExecutionProvider`), known here or not.

    Raises:
        ValueError: Neither; one sentence with the nearest name.
    """
    if provider in PROVIDERS:
        return PROVIDERS[provider]
    if re.fullmatch(FULL_NAME_PATTERN, provider):
        return provider
    near = difflib.get_close_matches(provider.casefold(), PROVIDERS, n=1)
    known = f"known are {', '.join(PROVIDERS)}, and full names such as CUDAExecutionProvider"
    guess = f"did you mean {near[0]}?" if near else known
    raise ValueError(f"'{provider}' is no execution provider; {guess}")
