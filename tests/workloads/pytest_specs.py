"""What tests of measured tests share: a checkout with tests in it, and the specs that a worker loads."""

from __future__ import annotations

import textwrap


def write(checkout, files):
    """Write files of a checkout: by name their texts."""
    for name, text in files.items():
        path = checkout / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")


def node(checkout, source=None, *, target="tests/test_energy.py::test_it", files=None, **more):
    """What the worker's `load` takes to make a workload of a test: of `source`, or of the files."""
    write(checkout, {**({} if source is None else {"tests/test_energy.py": source}), **(files or {})})
    scratch = str(checkout.parent / "scratch")
    spec = {
        "target": target,
        "part": None,
        "units": None,
        "seed": 7,
        "scratch": scratch,
        "other": None,
        "options": [],
        **more,
    }
    return {"kind": "pytest", "spec": spec}
