"""What all parts of a result share."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Finite = Annotated[float, Field(allow_inf_nan=False)]


class ResultModel(BaseModel):
    """A part of a result: frozen, and no key that the schema does not know."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_serialization_defaults_required=True,  # every key is always written, so readers may count on it
    )
