"""Names of onnxruntime's execution providers: short ones for a policy, and onnxruntime's own."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING

from energygate.text import did_you_mean

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
"""Short name to onnxruntime's own. Each is in `onnxruntime.get_all_providers()` of some version from 1.20 to 1.32;
those that only web builds have (JS, WebNN) are left out."""


FULL_NAME_PATTERN = "^[A-Za-z0-9]+ExecutionProvider$"


def provider_name(provider: str) -> str:
    """Return onnxruntime's name of `provider`.

    Args:
        provider: A short name (`cuda`), or a full one (`CUDAExecutionProvider`), known here or not.

    Raises:
        ValueError: It is neither; one sentence with the nearest name.
    """
    if provider in PROVIDERS:
        return PROVIDERS[provider]
    if re.fullmatch(FULL_NAME_PATTERN, provider):
        return provider
    known = f"known are {', '.join(PROVIDERS)}, and full names such as CUDAExecutionProvider"
    guess = did_you_mean(provider.casefold(), PROVIDERS, otherwise=known)
    raise ValueError(f"'{provider}' is not an execution provider; {guess}")
