"""A test that measures nothing: the reason in one sentence, with pytest's output as the detail."""

from __future__ import annotations

import pytest
from parallel import repeated
from pytest_specs import node

from energygate.errors import TargetMissing

T = "tests/test_energy.py::test_it"
FAILS = "def test_it(energy):\n    assert 1 == 2, 'no weights'\n"

SENTENCES = {
    "failed": (FAILS, {}, f"{T} failed before it measured anything: it raised AssertionError: no weights"),
    "failed before a part": (FAILS, {"part": "b"}, f"{T} failed before it measured its part 'b': it raised"),
    "skipped": (
        "import pytest\n@pytest.mark.skip(reason='no GPU\\nhere')\ndef test_it(energy): ...",
        {},
        f"{T} was skipped: no GPU here",
    ),
    "file skipped": (
        "import pytest\npytest.importorskip('no_such_thing')\ndef test_it(energy): ...",
        {},
        f"{T} was skipped: could not import 'no_such_thing'",
    ),
    "xfail": (
        f"import pytest\n@pytest.mark.xfail\n{FAILS}",
        {},
        f"{T} is marked xfail, and failed before it",
    ),
    "no energy": ("def test_it(): ...", {}, f"{T} ended without calling its fixture `energy`"),
    "unknown part": (
        "def test_it(energy):\n    energy(len, '', name='a')\n    energy(len, '', name='b')",
        {"part": "c"},
        f"{T} has no part 'c'; it measures 'a' and 'b'",
    ),
    "no part": (
        "def test_it(energy):\n    energy(len, '', name='a')",
        {},
        f"{T} measures 'a'; choose one with `part`",
    ),
    "part without a name": (
        "def test_it(energy):\n    energy(len, '')",
        {"part": "c"},
        f"{T} has no part 'c': the part it measures has no name",
    ),
    "several": (
        "import pytest\n@pytest.mark.parametrize('n', range(7))\ndef test_it(energy, n): open('ran', 'w')",
        {},
        f"{T} names 7 tests ({T}[0], {T}[1], {T}[2], {T}[3], {T}[4], ...); name one of them",
    ),
    "import": (
        "import no_such_thing",
        {},
        f"{T} cannot be collected: its file raised ModuleNotFoundError: No module named 'no_such_thing'",
    ),
    "syntax": ("def test_it(energy:", {}, f"{T} cannot be collected: its file raised SyntaxError"),
    "no fixture": (
        "def test_it(energy, gpu): ...",
        {},
        f"{T} could not be set up: there is no fixture 'gpu'",
    ),
    "fixture": (
        "import pytest\n@pytest.fixture\ndef gpu(): raise OSError('none')\ndef test_it(energy, gpu): ...",
        {},
        f"{T} could not be set up: one of its fixtures raised OSError: none",
    ),
    "arguments": (
        "def test_it(energy):\n    energy(len(''))",
        {},
        "it raised TypeError: energy() takes the function to measure, then its arguments; this is 0, of type int",
    ),
    "exit": (
        "import pytest\ndef test_it(energy): pytest.exit('enough')",
        {},
        f"pytest could not run {T}: the session was ended: enough",
    ),
    "conftest": (
        FAILS,
        {"files": {"tests/conftest.py": "import no_such_thing"}},
        "conftest.py raised ModuleNotFoundError: No module named 'no_such_thing'",
    ),
    "conftest exits": (
        FAILS,
        {"files": {"conftest.py": "import sys\nsys.exit(3)"}},
        f"pytest could not run {T}: it called sys.exit(3)",
    ),
    "option": (
        FAILS,
        {"files": {"pytest.ini": "[pytest]\naddopts = --no-such-option"}},
        f"pytest could not run {T}: unrecognized arguments: --no-such-option",
    ),
    "minversion": (
        FAILS,
        {"files": {"tox.ini": "[pytest]\nminversion = 99"}},
        "'minversion' requires pytest-99",
    ),
}


MEASURES_NOTHING = {
    "no energy",
    "unknown part",
    "no part",
    "part without a name",
}
"""What is no mistake at base, where head is the first to measure it."""


ALIKE = {
    "failed before a part",
    "file skipped",
    "no part",
    "part without a name",
    "syntax",
    "fixture",
    "arguments",
    "conftest",
    "conftest exits",
    "minversion",
}
"""What differs from another of them by its words alone."""


@pytest.mark.parametrize("name", [*sorted(SENTENCES.keys() - ALIKE), *repeated(*sorted(ALIKE))])
def test_one_sentence(loaded, checkout, trouble, name):
    source, more, sentence = SENTENCES[name]
    with trouble(sentence) as caught:
        loaded(node(checkout, source, **more))
    assert not (checkout / "ran").exists()
    assert isinstance(caught.value, TargetMissing) == (name in MEASURES_NOTHING)


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        ("tests/test_none.py::test_it", "there is no file tests/test_none.py in "),
        *repeated(("tests/test_energy.py::test_none", "there is no test tests/test_energy.py::test_none")),
        ("tests/test_energy.py::test_it[2]", "there is no test tests/test_energy.py::test_it[2]"),
    ],
)
def test_a_missing_test_is_distinguished_from_a_failing_one(loaded, checkout, trouble, target, sentence):
    with trouble(sentence) as caught:
        loaded(node(checkout, FAILS, target=target))
    assert isinstance(caught.value, TargetMissing)


def test_output_and_traceback_are_the_detail(loaded, checkout, trouble):
    with trouble("before it measured anything") as caught:
        loaded(node(checkout, "def test_it(energy):\n    print('loading')\n    assert 1 == 2"))
    assert not isinstance(caught.value, TargetMissing)
    for words in ("loading", "tests/test_energy.py:3: in test_it", "E   assert 1 == 2"):
        assert words in caught.value.detail


def test_duplicate_part_names_are_an_error_at_the_end_of_the_test(loaded, checkout, trouble):
    worker = loaded(node(checkout, "def test_it(energy):\n    energy(len, '')\n    energy(len, '')"))
    worker.run(2)
    with trouble(f"{T} measures two parts without a name; distinguish them with energy(..., name=...)"):
        worker.shut_down()


def test_an_environment_without_pytest(worker, checkout, trouble, monkeypatch):
    (checkout / "blocked").mkdir()
    (checkout / "blocked" / "pytest.py").write_text("raise ImportError('no pytest')", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(checkout / "blocked"))
    with trouble("cannot import pytest: no pytest"):
        worker().load(**node(checkout, FAILS), timeout_s=60)
