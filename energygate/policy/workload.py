"""One workload: what is measured, with which inputs, and its budgets."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, field_validator, model_validator

from energygate.policy import targets
from energygate.policy.budget import Budget, budget_input
from energygate.policy.fields import MAX_INT, Name, Section, Text, one_line, validation_error
from energygate.policy.load import CLOSED, Load, load_input
from energygate.policy.providers import FULL_NAME_PATTERN, PROVIDERS, provider_name

if TYPE_CHECKING:
    from collections.abc import Iterator

Kind = Literal["onnx", "python", "http", "command", "pytest"]
KINDS: tuple[Kind, ...] = ("onnx", "python", "http", "command", "pytest")
"""What a workload is made from: exactly one of these keys."""
TARGET = ("onnx", "python", "serve", "http", "command", "pytest", "part")
"""The keys that name what is run."""
# What a kind does not understand would be ignored, and nothing is ignored silently.
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
    """One model, callable, endpoint, command or test with its inputs: the thing measured."""

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
        description="Address of an endpoint that serve starts on this machine; {port} stands for a free port.",
        examples=["http://127.0.0.1:{port}/v1/completions"],
        json_schema_extra={"pattern": targets.URL_PATTERN},
    )
    serve: Text | None = Field(
        default=None,
        description="Command that starts the endpoint's server in the checkout; {port} as in http. Needed with http.",
        examples=["python -m my_package.server --port {port}"],
    )
    ready: Annotated[str, AfterValidator(targets.path)] | None = Field(
        default=None,
        description="Path that answers 2xx once the server is ready; default: it is when the port is open.",
        examples=["/health"],
        json_schema_extra={"pattern": "^/"},
    )
    command: Text | None = Field(
        default=None,
        description="Command that is one request: run in the checkout, again and again.",
        examples=["python -m my_package.batch --limit 100"],
    )
    pytest: Annotated[str, AfterValidator(targets.node_id)] | None = Field(
        default=None,
        description="Node id of a test, relative to the policy; what it gives to its energy fixture is measured.",
        examples=["tests/test_energy.py::test_classify"],
        json_schema_extra={"pattern": targets.NODE_ID_PATTERN},
    )
    part: Name | None = Field(
        default=None,
        description="Name of the energy(..., name=...) that is measured, in a test that has such.",
        examples=["encode"],
    )
    inputs: Text | None = Field(
        default=None,
        description="Path of a .npz file, one array per input, or made up; for http a .jsonl file, a body per line.",
        examples=["data/digits.npz"],
    )
    units: Name | None = Field(
        default=None,
        description="What a request yields a varying number of, such as tokens; gives energy_per_unit.",
        examples=["tokens"],
    )
    labels: Text | None = Field(
        default=None,
        description="Name of the array in inputs that holds the right answers; gives the accuracy metric.",
        examples=["label"],
    )
    answers: Literal["classes", "values"] | None = Field(
        default=None,
        description="How both sides' answers are compared: top class or every value; default: classes with labels.",
    )
    paths: tuple[Text, ...] = Field(
        default=(),
        description="Globs of what anything but a model depends on; unchanged, it is not measured. Default: all files.",
        examples=[["my_package/**/*.py", "pyproject.toml"]],
    )
    shapes: dict[str, Shape] = Field(
        default_factory=dict,
        description="Sizes of made-up inputs: a dimension's name and its size, or an input's and its shape.",
        examples=[{"batch": 1, "seq": 128}, {"image": [1, 3, 224, 224]}],
    )
    seed: int | None = Field(
        default=None,
        ge=0,
        le=MAX_INT,
        description="Seed of made-up inputs and of arrivals; default: measurement.seed.",
    )
    batch_size: int = Field(
        default=1,
        ge=1,
        le=MAX_INT,
        description="Requests served by one call; energy is per request, not per call.",
    )
    threads: int = Field(
        default=1, ge=1, le=MAX_INT, description="Threads that the workload may compute with."
    )
    provider: Annotated[str, AfterValidator(_provider)] = Field(
        default="cpu",
        description="onnxruntime's execution provider: a short name, or a full XyzExecutionProvider.",
        examples=["cpu", "cuda", "CUDAExecutionProvider"],
        json_schema_extra={"anyOf": [{"enum": [*PROVIDERS]}, {"pattern": FULL_NAME_PATTERN}]},
    )
    provider_options: dict[str, Option] = Field(
        default_factory=dict,
        description="Options handed to the execution provider.",
        examples=[{"device_id": "0"}],
    )
    load: Annotated[Load, BeforeValidator(load_input)] = Field(
        default=CLOSED,
        description="How requests arrive: closed (the next when the last ends), or at a rate, or so many at once.",
        examples=["closed", {"rate": "50 req/s"}, {"concurrency": 4}],
        json_schema_extra={"default": "closed"},
    )
    runs_on: Annotated[tuple[str, ...], BeforeValidator(_labels), WithJsonSchema(_LABELS)] | None = Field(
        default=None,
        description="Runner that `energygate matrix` sends it to: a label, or all that a self-hosted one must have.",
        examples=["ubuntu-24.04", ["self-hosted", "gpu"]],
    )
    budgets: dict[str, Budget] = Field(
        default_factory=dict,
        description="Limits by metric; without any the workload is measured and reported.",
    )

    @property
    def kind(self) -> Kind:
        """What the workload is made from."""
        return next(kind for kind in KINDS if getattr(self, kind) is not None)

    @property
    def fixed_port(self) -> int | None:
        """The port that an endpoint's address names; `None` for a free one, and without an endpoint."""
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
            ((name, "metric"), "is what the key above it says already; remove it")
            for name, one in raw.items()
            if "metric" in _keys(one)
        ]
        error = validation_error("Workload", strays)
        if error:
            raise error
        return {name: budget_input(name, one) for name, one in raw.items()}

    @model_validator(mode="after")
    def _consistent(self) -> Workload:
        error = validation_error("Workload", self._mistakes())
        if error:
            raise error
        return self

    def _mistakes(self) -> Iterator[tuple[tuple[str, ...], str]]:
        given = [kind for kind in KINDS if getattr(self, kind) is not None]
        if not given:
            yield (
                (),
                (
                    "there is nothing to run; give onnx: PATH, python: module:factory, http: URL, command: LINE "
                    "or pytest: FILE::TEST"
                ),
            )
        for kind in given[1:]:
            yield (kind,), f"{given[0]} is given too; a workload is one or the other"
        if len(given) == 1:
            yield from self._out_of_place(given[0])
        if self.http is not None and self.serve is None:
            yield (
                ("http",),
                "needs serve, the command that starts its server; only then is its energy its own",
            )
        if self.load.rate is not None and self.batch_size > 1:
            yield ("load",), "lets requests arrive one by one; with a rate, batch_size is 1"
        if self.labels is not None and self.inputs is None:
            yield ("labels",), "needs inputs, the .npz file that holds them"
        yield from self._budget_mistakes()

    def _budget_mistakes(self) -> Iterator[tuple[tuple[str, ...], str]]:
        needed = {
            "accuracy": ("labels", "labels, the name of the array in inputs with the right answers"),
            "energy_per_unit": ("units", "units, the name of what is counted, such as tokens"),
            "ttft_p50": ("http", "an endpoint (http) that streams its answers"),
            "ttft_p95": ("http", "an endpoint (http) that streams its answers"),
        }
        for name, budget in self.budgets.items():
            key, what = needed.get(name, ("", ""))
            if key and getattr(self, key) is None:
                yield ("budgets", name), f"needs {what}"
            if budget.metric != name:
                yield ("budgets", name), f"the budget here is one for {budget.metric}"

    def _out_of_place(self, kind: str) -> Iterator[tuple[tuple[str, ...], str]]:
        for key, kinds in _ONLY_FOR.items():
            default = type(self).model_fields[key].get_default(call_default_factory=True)
            if kind not in kinds and getattr(self, key) != default:
                *others, last = (_NAMES[one] for one in kinds)
                names = f"{', '.join(others)} and {last}" if others else last
                yield (key,), f"is for {names}; remove it"


def _keys(raw: object) -> dict[str, object]:
    return raw if isinstance(raw, dict) else {}
