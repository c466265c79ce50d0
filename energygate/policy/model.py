"""The policy: what a team allows one inference request to cost, and where."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PrivateAttr,
    StringConstraints,
    ValidationError,
    ValidatorFunctionWrapHandler,
    field_validator,
    model_validator,
)

from energygate.policy.budget import Budget
from energygate.policy.fields import MAX_NAME_LENGTH, Of, Section, complaints, iso_date, one_line
from energygate.policy.units import Family, Quantity, parse_quantity
from energygate.policy.workload import Workload

if TYPE_CHECKING:
    from collections.abc import Iterator

_DAY_SECONDS = 86_400
Name = Annotated[str, StringConstraints(min_length=1, max_length=MAX_NAME_LENGTH), AfterValidator(one_line)]
