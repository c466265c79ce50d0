"""The models and data that are shipped with energygate."""

from __future__ import annotations

from pathlib import Path

from energygate.errors import UsageError


def fixtures() -> Path:
    """Return the directory with `models/` and `data/`: inside an installed package, beside it in a checkout.

    Raises:
        UsageError: When this installation lacks it.
    """
    package = Path(__file__).parents[1]
    for place in (package / "fixtures", package.parent / "fixtures"):
        if (place / "models" / "digits-cnn.onnx").is_file():
            return place
    raise UsageError("this installation lacks the models that the demo and the self-test run on")
