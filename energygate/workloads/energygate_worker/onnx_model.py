"""An ONNX model as a workload."""

from __future__ import annotations

import sys
from functools import partial

from .errors import WorkloadError, message_of
from .loaded_workload import LoadedWorkload

TYPE_CHECKING = False  # importing `typing` would cost start-up time
if TYPE_CHECKING:
    from typing import Any


class OnnxModel(LoadedWorkload):
    """An ONNX model in an onnxruntime session on exactly the requested provider."""

    def __init__(self, spec: dict[str, Any]) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise WorkloadError("%s cannot import onnxruntime: %s" % (sys.executable, error)) from None
        provider = spec["provider"]
        available = onnxruntime.get_available_providers()
        if provider not in available:
            raise WorkloadError(
                "onnxruntime %s in %s has no %s; it has %s"
                % (onnxruntime.__version__, sys.executable, provider, ", ".join(available))
            )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = spec["threads"]
        if spec.get("profile"):
            options.enable_profiling = True
            options.profile_file_prefix = spec["profile"]
        options.log_severity_level = 3  # errors only: warnings about unused initialisers are not ours to show
        providers = [(provider, dict(spec["provider_options"]))]
        if provider != "CPUExecutionProvider":
            providers.append(("CPUExecutionProvider", {}))  # for the few operators that a device lacks
        try:
            self.session = onnxruntime.InferenceSession(spec["path"], options, providers=providers)
        except Exception as error:
            message = message_of(error).replace("Load model from %s failed:" % spec["path"], "").rstrip(".")
            raise WorkloadError("onnxruntime cannot load %s: %s" % (spec["path"], message)) from None
        if self.session.get_providers()[0] != provider:
            # If a provider fails to start, onnxruntime only warns and uses the CPU.
            raise WorkloadError(
                "onnxruntime could not start %s and fell back to %s; its log is below"
                % (provider, self.session.get_providers()[0])
            )
        # The measured loop calls the session itself.
        self.serve = partial(self.session.run, None)  # type: ignore[method-assign]
        self.versions = {"onnxruntime": onnxruntime.__version__}
        self.inputs = [_signature(node) for node in self.session.get_inputs()]
        self.outputs = [_signature(node) for node in self.session.get_outputs()]

    def named(self, answer: Any) -> dict[str, Any]:
        """Return the parts of an answer by name."""
        return dict(zip((output["name"] for output in self.outputs), answer))


def _signature(node: Any) -> dict[str, Any]:
    return {"name": node.name, "type": node.type, "shape": list(node.shape)}
