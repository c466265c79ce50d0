"""energygate's version and its home: the one place where they are written."""

from __future__ import annotations

__version__ = "0.1.0"

REPOSITORY = "https://github.com/energygate/energygate"


def page_url(name: str) -> str:
    """Return the address of a page of the documentation, such as `policy.md`."""
    return f"{REPOSITORY}/blob/main/docs/{name}"
