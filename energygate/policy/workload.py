"""One workload of a policy: what is run, with which inputs, and its budgets."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, field_validator

from energygate.policy import targets
from energygate.policy.budget import Budget, budget_input
from energygate.policy.fields import MAX_INT, Name, Section, Text, one_line, refuse_any
from energygate.policy.load import CLOSED, Load, load_input
from energygate.policy.providers import FULL_NAME_PATTERN, PROVIDERS, provider_name

if TYPE_CHECKING:
    from collections.abc import Iterator

Kind = Literal["onnx", "python", "http", "command", "pytest"]
KINDS: tuple[Kind, ...] = ("onnx", "python", "http", "command", "pytest")
"""The kinds of workload: exactly one of these keys is given."""
TARGET = ("onnx", "python", "serve", "http", "command", "pytest", "part")
"""The keys that name what is run."""
# Keys that apply to some kinds only. For others they are refused, since nothing is ignored silently.
_ONLY_FOR = {
    "shapes": ("onnx",),
    "provider": ("onnx",),
    "provider_options": ("onnx",),
    "batch_size": ("onnx", "python"),
    "inputs": ("onnx", "python", "http"),
    "labels": ("onnx", "python"),
    "units": ("python", "http", "pytest"),
    "serve": ("http",),
    "ready": ("http",),
    "part": ("pytest",),
}
_NAMES = {
    "onnx": "ONNX models",
    "python": "Python callables",
    "http": "endpoints (http)",
    "command": "commands",
    "pytest": "tests (pytest)",
}


def _provider(text: str) -> str:
    provider_name(text)
    return text


def _shape(raw: object) -> int | tuple[int, ...]:
    if isinstance(raw, (list, tuple)):
        return tuple(_size(one) for one in raw)
    return _size(raw)


def _size(raw: object) -> int:
    text = str(raw).strip()
    if isinstance(raw, bool) or not re.fullmatch(r"[0-9]{1,10}", text) or not 1 <= int(text) <= MAX_INT:
        raise ValueError(f"needs a whole number from 1 up, or a list of them, not {raw!r}")
    return int(text)


def _labels(raw: object) -> tuple[str, ...]:
    labels = tuple(raw) if isinstance(raw, (list, tuple)) else (raw,)
    if not labels or not all(isinstance(one, str) for one in labels):
        raise ValueError("needs a runner's label, for example ubuntu-24.04, or a list of labels")
    return tuple(one_line(str(one)) for one in labels)


_SIZE = {"type": "integer", "minimum": 1, "maximum": MAX_INT}
_LABELS = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}
Shape = Annotated[
    int | tuple[int, ...],
    BeforeValidator(_shape),
    WithJsonSchema({"anyOf": [_SIZE, {"type": "array", "items": _SIZE}]}),
]
Option = Annotated[str, WithJsonSchema({"type": ["string", "number", "boolean"]})]


class Workload(Section):
    """One model, callable, endpoint, command or test with its inputs."""

    onnx: Text | None = Field(
        default=None,
        description="Path of an ONNX model, relative to the policy. Exactly one: onnx, python, http, command, pytest.",
        examples=["models/digits-cnn.onnx"],
    )
    python: Annotated[str, AfterValidator(targets.factory)] | None = Field(
        default=None,
        description="module:factory; the factory returns the function that serves one request.",
        examples=["my_package.serving:make_model"],
        json_schema_extra={"pattern": targets.FACTORY_PATTERN},
    )
    http: Annotated[str, AfterValidator(targets.url)] | None = Field(
        default=None,
        description="Address of an endpoint on this machine, started by serve; {port} is replaced by a free port.",
        examples=["http://127.0.0.1:{port}/v1/completions"],
        json_schema_extra={"pattern": targets.URL_PATTERN},
    )
    serve: Text | None = Field(
        default=None,
        description="Command that starts the endpoint's server in the checkout; {port} as in http. Required with http.",
        examples=["python -m my_package.server --port {port}"],
    )
    ready: Annotated[str, AfterValidator(targets.path)] | None = Field(
        default=None,
        description="Path that answers 2xx once the server is ready; default: ready when the port is open.",
        examples=["/health"],
        json_schema_extra={"pattern": "^/"},
    )
    command: Text | None = Field(
        default=None,
        description="Command that is one request; run repeatedly in the checkout.",
        examples=["python -m my_package.batch --limit 100"],
    )
    pytest: Annotated[str, AfterValidator(targets.node_id)] | None = Field(
        default=None,
        description="Node id of a test, relative to the policy; what it passes to its energy fixture is measured.",
        examples=["tests/test_energy.py::test_classify"],
        json_schema_extra={"pattern": targets.NODE_ID_PATTERN},
    )
    part: Name | None = Field(
        default=None,
        description="Which energy(..., name=...) of the test is measured, by its name.",
        examples=["encode"],
    )
    inputs: Text | None = Field(
        default=None,
        description="Path of a .npz file, one array per input; default: synthesised. For http .jsonl, a body per line.",
        examples=["data/digits.npz"],
    )
    units: Name | None = Field(
        default=None,
        description="Unit of a request's output, such as tokens; gives energy_per_unit.",
        examples=["tokens"],
    )
    labels: Text | None = Field(
        default=None,
        description="Name of the array in inputs with the correct answers; gives the accuracy metric.",
        examples=["label"],
    )
    answers: Literal["classes", "values"] | None = Field(
        default=None,
        description="How both sides' answers are compared: top class or every value; default: classes with labels.",
    )
    paths: tuple[Text, ...] = Field(
        default=(),
        description="Globs of the files that it depends on; if unchanged, it is not measured. Default: all files.",
        examples=[["my_package/**/*.py", "pyproject.toml"]],
    )
    shapes: dict[str, Shape] = Field(
        default_factory=dict,
        description="Sizes of synthesised inputs: by dimension, or a shape by input.",
        examples=[{"batch": 1, "seq": 128}, {"image": [1, 3, 224, 224]}],
    )
    seed: int | None = Field(
        default=None,
        ge=0,
        le=MAX_INT,
        description="Seed of synthesised inputs, the order of inputs and arrivals; default: measurement.seed.",
    )
    batch_size: int = Field(
        default=1,
        ge=1,
        le=MAX_INT,
        description="Requests per call; energy is per request, not per call.",
    )
    threads: int = Field(default=1, ge=1, le=MAX_INT, description="Threads that the workload may use.")
    provider: Annotated[str, AfterValidator(_provider)] = Field(
        default="cpu",
        description="onnxruntime's execution provider: a short name, or a full XyzExecutionProvider.",
        examples=["cpu", "cuda", "CUDAExecutionProvider"],
        json_schema_extra={"anyOf": [{"enum": [*PROVIDERS]}, {"pattern": FULL_NAME_PATTERN}]},
    )
    provider_options: dict[str, Option] = Field(
        default_factory=dict,
        description="Options of the execution provider.",
        examples=[{"device_id": "0"}],
    )
    load: Annotated[Load, BeforeValidator(load_input)] = Field(
        default=CLOSED,
        description="How requests arrive: closed (one after another), at a rate, or several at once.",
        examples=["closed", {"rate": "50 req/s"}, {"concurrency": 4}],
        json_schema_extra={"default": "closed"},
    )
    runs_on: Annotated[tuple[str, ...], BeforeValidator(_labels), WithJsonSchema(_LABELS)] | None = Field(
        default=None,
        description="Runner for `energygate matrix`: a label, or all labels that a self-hosted runner must have.",
        examples=["ubuntu-24.04", ["self-hosted", "gpu"]],
    )
    budgets: dict[str, Budget] = Field(
        default_factory=dict,
        description="Limits by metric; without any the workload is only measured and reported.",
    )

    @property
    def kind(self) -> Kind:
        """Which of `KINDS` the workload is."""
        return next(kind for kind in KINDS if getattr(self, kind) is not None)

    @property
    def fixed_port(self) -> int | None:
        """The port that an endpoint's address names; `None` for a free one, or without an endpoint."""
        return None if self.http is None else targets.fixed_port(self.http)

    @property
    def provider_name(self) -> str:
        """The execution provider as onnxruntime names it."""
        return provider_name(self.provider)

    @field_validator("budgets", mode="before")
    @classmethod
    def _named(cls, raw: Any) -> Any:  # noqa: ANN401 - whatever the file holds; pydantic judges it next
        if not isinstance(raw, dict):
            return raw
        strays = [
            ((name, "metric"), "repeats the key above it; remove it")
            for name, one in raw.items()
            if isinstance(one, dict) and "metric" in one
        ]
        refuse_any("Workload", strays)
        return {name: budget_input(name, one) for name, one in raw.items()}

    def _mistakes(self) -> Iterator[tuple[tuple[str, ...], str]]:
        given = [kind for kind in KINDS if getattr(self, kind) is not None]
        if not given:
            ways = "onnx: PATH, python: module:factory, http: URL, command: LINE or pytest: FILE::TEST"
            yield (), f"there is nothing to run; give {ways}"
        for kind in given[1:]:
            yield (kind,), f"{given[0]} is given too; a workload is one of them"
        if len(given) == 1:
            yield from self._inapplicable(given[0])
        if self.http is not None and self.serve is None:
            yield (
                ("http",),
                "needs serve, the command that starts its server, so that its energy can be attributed",
            )
        if self.load.rate is not None and self.batch_size > 1:
            yield ("load",), "has a rate, so requests arrive one by one; remove batch_size"
        if self.labels is not None and self.inputs is None:
            yield ("labels",), "needs inputs, the .npz file that holds them"
        yield from self._budget_mistakes()

    def _budget_mistakes(self) -> Iterator[tuple[tuple[str, ...], str]]:
        needed = {
            "accuracy": ("labels", "labels, the name of the array in inputs with the correct answers"),
            "energy_per_unit": ("units", "units, the unit of its output, such as tokens"),
            "ttft_p50": ("http", "an endpoint (http) that streams its answers"),
            "ttft_p95": ("http", "an endpoint (http) that streams its answers"),
        }
        for name, budget in self.budgets.items():
            key, what = needed.get(name, ("", ""))
            if key and getattr(self, key) is None:
                yield ("budgets", name), f"needs {what}"
            if budget.metric != name:
                yield ("budgets", name), f"is a budget for {budget.metric}, not for {name}"

    def _inapplicable(self, kind: str) -> Iterator[tuple[tuple[str, ...], str]]:
        for key, kinds in _ONLY_FOR.items():
            default = type(self).model_fields[key].get_default(call_default_factory=True)
            if kind not in kinds and getattr(self, key) != default:
                *others, last = (_NAMES[one] for one in kinds)
                names = f"{', '.join(others)} and {last}" if others else last
                yield (key,), f"applies to {names} only; remove it"
