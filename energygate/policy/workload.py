"""One workload: what is measured, with which inputs, and its budgets."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, field_validator, model_validator

from energygate.policy.budget import Budget, budget_input
from energygate.policy.fields import MAX_INT, Section, Text, complaints
from energygate.policy.providers import FULL_NAME_PATTERN, PROVIDERS, provider_name

if TYPE_CHECKING:
    from collections.abc import Iterator

_DOTTED = r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*"
FACTORY_PATTERN = rf"^{_DOTTED}:{_DOTTED}$"
# What only an ONNX model understands; beside a callable it would be ignored, and nothing is ignored silently.
_ONNX_ONLY = ("shapes", "provider", "provider_options")


def _factory(text: str) -> str:
    if not re.fullmatch(FACTORY_PATTERN, text):
        raise ValueError(
            f"'{text}' is no factory; write module:function, for example my_package.serving:make_model"
        )
    return text


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


def _closed(raw: object) -> object:
    if raw != "closed":
        raise ValueError(
            "only closed is understood by this version: each request starts when the last one ends"
        )
    return raw


_SIZE = {"type": "integer", "minimum": 1, "maximum": MAX_INT}
Shape = Annotated[
    int | tuple[int, ...],
    BeforeValidator(_shape),
    WithJsonSchema({"anyOf": [_SIZE, {"type": "array", "items": _SIZE}]}),
]
Option = Annotated[str, WithJsonSchema({"type": ["string", "number", "boolean"]})]


class Workload(Section):
    """One model or callable with its inputs: the thing measured."""

    onnx: Text | None = Field(
        default=None,
        description="Path of an ONNX model, relative to the policy file. Exactly one of onnx and python.",
        examples=["models/digits-cnn.onnx"],
    )
    python: Annotated[str, AfterValidator(_factory)] | None = Field(
        default=None,
        description="module:factory; the factory returns the function that serves one request.",
        examples=["my_package.serving:make_model"],
        json_schema_extra={"pattern": FACTORY_PATTERN},
    )
    inputs: Text | None = Field(
        default=None,
        description="Path of a .npz file, one array per input; else inputs follow the model's signature.",
        examples=["data/digits.npz"],
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
        description="Globs of what a Python workload depends on; unchanged, it is not measured. Default: all files.",
        examples=[["my_package/**/*.py", "pyproject.toml"]],
    )
    shapes: dict[str, Shape] = Field(
        default_factory=dict,
        description="Sizes of made-up inputs: a dimension's name and its size, or an input's and its shape.",
        examples=[{"batch": 1, "seq": 128}, {"image": [1, 3, 224, 224]}],
    )
    seed: int | None = Field(
        default=None, ge=0, le=MAX_INT, description="Seed of made-up inputs; default: measurement.seed."
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
    load: Annotated[Literal["closed"], BeforeValidator(_closed)] = Field(
        default="closed",
        description="How requests arrive: closed, the next one starts when the last one ends.",
    )
    budgets: dict[str, Budget] = Field(
        default_factory=dict,
        description="Limits by metric; without any the workload is measured and reported.",
    )

    @property
    def kind(self) -> Literal["onnx", "python"]:
        """What the workload is made from."""
        return "onnx" if self.onnx is not None else "python"

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
        error = complaints("Workload", strays)
        if error:
            raise error
        return {name: budget_input(name, one) for name, one in raw.items()}

    @model_validator(mode="after")
    def _consistent(self) -> Workload:
        error = complaints("Workload", self._mistakes())
        if error:
            raise error
        return self

    def _mistakes(self) -> Iterator[tuple[tuple[str, ...], str]]:
        if self.onnx is None and self.python is None:
            yield (), "there is nothing to run; give onnx: PATH or python: module:factory"
        if self.onnx is not None and self.python is not None:
            yield ("python",), "onnx is given too; a workload is one or the other"
        if self.python is not None:
            for key in _ONNX_ONLY:
                if getattr(self, key) != type(self).model_fields[key].get_default(call_default_factory=True):
                    yield (key,), "is for ONNX models; remove it, the factory decides for itself"
        if self.labels is not None and self.inputs is None:
            yield ("labels",), "needs inputs, the .npz file that holds them"
        if "accuracy" in self.budgets and self.labels is None:
            yield (
                ("budgets", "accuracy"),
                "needs labels, the name of the array in inputs with the right answers",
            )
        for name, budget in self.budgets.items():
            if budget.metric != name:
                yield ("budgets", name), f"the budget here is one for {budget.metric}"


def _keys(raw: object) -> dict[str, object]:
    return raw if isinstance(raw, dict) else {}
