"""What `energygate doctor` found: what a machine can measure, how well, and what would make it better."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict, Field

from energygate.result.result import ComponentResult, MachineResult  # noqa: TC001 - pydantic reads annotations
from energygate.result.result_model import Finite, ResultModel


class SelfTest(ResultModel):
    """A comparison of the same code with itself, and what it says of this machine."""

    seconds: Finite = Field(description="How long it took.")
    launches: int
    scatter: Finite = Field(description="Standard deviation of ln(head/base) from launch to launch.")
    resolvable: Finite | None = Field(
        description="Smallest change that a minute of measuring could show, as a fraction; null where none."
    )


class Diagnosis(ResultModel):
    """What a machine can measure and how well."""

    schema_name: Literal["energygate/doctor/1"] = Field(alias="schema", default="energygate/doctor/1")
    energygate_version: str
    codecarbon_version: str
    created: str = Field(description="When, in ISO 8601, UTC.")
    machine: MachineResult
    method: Literal["measured", "estimated"] = Field(description="measured only if every component is.")
    components: tuple[ComponentResult, ...]
    min_window_ms: Finite = Field(description="The shortest meaningful window.")
    idle_watts: Finite | None = Field(description="Power of the machine at rest; null when unknown.")
    idle_method: Literal["measured", "estimated"] | None
    require: Literal["any", "measured"] = Field(description="What the policy, or the command line, asks for.")
    fit: bool = Field(description="Whether this machine can give what is asked for.")
    advice: tuple[str, ...] = Field(
        description="What would make the numbers better, or what to know of them."
    )
    self_test: SelfTest | None = Field(description="Null when it was not asked for, or failed.")

    model_config = ConfigDict(populate_by_name=True)

    def to_json(self) -> str:
        """The text that `doctor --json` prints."""
        return self.model_dump_json(by_alias=True, indent=2) + "\n"


def diagnosis_json_schema() -> dict[str, Any]:
    """The published JSON Schema (2020-12) of what `doctor --json` prints."""
    schema = Diagnosis.model_json_schema(by_alias=True, mode="serialization")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:energygate:doctor:1",
        **schema,
    }
