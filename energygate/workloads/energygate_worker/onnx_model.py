"""An ONNX model as a workload."""

from __future__ import annotations

import sys
from functools import partial

from .troubles import Trouble, text_of

TYPE_CHECKING = False  # importing `typing` would cost start-up time
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any


class OnnxModel:
    """An ONNX model in an onnxruntime session on exactly the provider that was asked for."""

    counts_own_cpu = True
    takes_requests = False
    answers_text = False
    observes = False

    def __init__(self, spec: dict[str, Any]) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise Trouble("%s cannot import onnxruntime: %s" % (sys.executable, error)) from None
        wanted = spec["provider"]
        available = onnxruntime.get_available_providers()
        if wanted not in available:
            raise Trouble(
                "onnxruntime %s in %s has no %s; it has %s"
                % (onnxruntime.__version__, sys.executable, wanted, ", ".join(available))
            )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = spec["threads"]
        if spec.get("profile"):
            options.enable_profiling = True
            options.profile_file_prefix = spec["profile"]
        options.log_severity_level = 3  # errors; warnings about unused initialisers are not ours to show
        providers = [(wanted, dict(spec["provider_options"]))]
        if wanted != "CPUExecutionProvider":
            providers.append(("CPUExecutionProvider", {}))  # for the few operators a device leaves to the CPU
        try:
            self.session = onnxruntime.InferenceSession(spec["path"], options, providers=providers)
        except Exception as error:
            message = text_of(error).replace("Load model from %s failed:" % spec["path"], "").rstrip(".")
            raise Trouble("onnxruntime cannot load %s: %s" % (spec["path"], message)) from None
        if self.session.get_providers()[0] != wanted:
            # onnxruntime falls back to the CPU with a warning when a provider fails to start
            raise Trouble(
                "onnxruntime could not start %s and fell back to %s; its log is below"
                % (wanted, self.session.get_providers()[0])
            )
        self.versions = {"onnxruntime": onnxruntime.__version__}
        self.origin = None
        self.inputs = [_signature(node) for node in self.session.get_inputs()]
        self.outputs = [_signature(node) for node in self.session.get_outputs()]

    def serve(self, feed: dict[str, Any]) -> Any:
        """Answer one call."""
        return self.session.run(None, feed)

    def loop(
        self, feeds: Iterator[dict[str, Any]], append: Callable[[int], None], clock: Callable[[], int]
    ) -> None:
        """Answer one call per feed and append the time after each: the measured loop, kept bare."""
        serve = partial(self.session.run, None)
        for feed in feeds:
            serve(feed)
            append(clock())

    def named(self, answer: Any) -> dict[str, Any]:
        """The parts of an answer by name."""
        return dict(zip((output["name"] for output in self.outputs), answer))

    def close(self) -> None:
        """Leave it to the end of the process."""


def _signature(node: Any) -> dict[str, Any]:
    return {"name": node.name, "type": node.type, "shape": list(node.shape)}
