"""Which paths the globs of `paths:` match."""

from __future__ import annotations

import sys
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energygate.errors import PolicyError
from energygate.repository.globs import matching


@pytest.mark.parametrize(
    ("glob", "path", "expected"),
    [
        # characters within one name
        ("*.py", "setup.py", True),
        ("*.py", "src/setup.py", False),
        ("*.py", "setup.pyc", False),
        ("*.py", ".py", True),
        ("*", ".hidden", True),
        ("src/*.py", "src/a.py", True),
        ("src/*.py", "src/deep/a.py", False),
        ("src/*", "src/deep/a.py", False),
        ("a?c", "abc", True),
        ("a?c", "a/c", False),
        ("[ab].py", "b.py", True),
        ("[!ab].py", "b.py", False),
        ("*.PY", "setup.py", False),
        ("a+(b).py", "a+(b).py", True),
        ("*.py", "new\nline.py", True),
        # any number of directories
        ("**", "src/a.py", True),
        ("**/*.py", "setup.py", True),
        ("**/*.py", "src/deep/a.py", True),
        ("**/*.py", "src/deep/a.pyc", False),
        ("src/**", "src/a.py", True),
        ("src/**", "src/deep/a.py", True),
        ("src/**", "source/a.py", False),
        ("src/**", "lib/src/a.py", False),
        ("src/**/*.py", "src/a.py", True),
        ("src/**/*.py", "src/x/y/a.py", True),
        ("a/**/b/**/c", "a/b/c", True),
        ("a/**/b/**/c", "a/x/b/y/z/c", True),
        ("a/**/b/**/c", "a/x/c", False),
        ("**/**", "a", True),
        # plain names
        ("src", "src/deep/a.py", True),
        ("src/", "src/deep/a.py", True),
        ("src/deep", "src/deep/a.py", True),
        ("src", "source/a.py", False),
        ("setup.py", "setup.py", True),
        ("setup.py", "src/setup.py", False),
        ("s*/", "src/deep/a.py", True),
        (".", "src/a.py", True),
        ("./src/./a.py", "src/a.py", True),
        ("src//a.py", "src/a.py", True),
        ("src/../lib/*.py", "lib/a.py", True),
        # directories with unknown contents
        ("libs/**", "libs/sub/", True),
        ("libs/sub", "libs/sub/", True),
        ("libs/sub/deep/*.py", "libs/sub/", True),
        ("**/*.onnx", "libs/sub/", True),
        ("libs/*", "libs/sub/", True),
        ("*.py", "libs/sub/", False),
        ("src/**", "libs/sub/", False),
        ("libs/s", "libs/sub/", False),
    ],
)
def test_which_paths_a_glob_matches(glob, path, expected):
    assert matching([glob], [path]) == ([path] if expected else [])


def test_several_globs_match_in_the_order_of_the_paths():
    assert matching(["*.py", "data/**"], ["z.py", "data/x", "a.md", "a.py"]) == ["z.py", "data/x", "a.py"]
    assert matching([], ["a.py"]) == []


@pytest.mark.parametrize(
    ("glob", "path", "expected"),
    [
        ("src/**", "services/[a]/src/x.py", True),
        ("src/**", "services/a/src/x.py", False),
        ("src/**", "src/x.py", False),
        ("../shared/*.py", "services/shared/x.py", True),
        ("../../*.toml", "pyproject.toml", True),
        ("../..", "anything/at/all", True),
    ],
)
def test_globs_start_in_the_directory_of_the_policy(glob, path, expected):
    assert bool(matching([glob], [path], directory=PurePosixPath("services/[a]"))) == expected


@pytest.mark.parametrize(
    ("glob", "advice"),
    [
        ("", "src/"),
        ("  ", "src/"),
        ("/etc/passwd", "without the slash"),
        ("!*.md", "not supported"),
        ("src\\a.py", "with /"),
        ("**.py", r"\*\*/\*\.py"),
        ("src/**.py", "whole path component"),
        ("../x", "leads out"),
        ("a/../../x", "leads out"),
        ("**/../x", "leads out"),
    ],
)
def test_a_glob_that_would_silently_mean_something_else_is_refused(glob, advice):
    with pytest.raises(PolicyError, match=advice):
        matching([glob], ["a"])


NAMES = st.lists(st.text("ab.", min_size=1, max_size=2).filter(lambda n: n.strip(".")), min_size=1, max_size=4)
PARTS = st.lists(st.sampled_from(["a", "b", "*", "**", "a*", "?", "[ab]*"]), min_size=1, max_size=5)


@pytest.mark.skipif(sys.version_info < (3, 13), reason="pathlib has full_match from 3.13")
@given(PARTS, NAMES)
def test_globs_read_as_in_pathlib(parts, names):
    parts = [*parts, "*"]  # a plain name at the end means more here
    path = "/".join(names)
    assert bool(matching(["/".join(parts)], [path])) == PurePosixPath(path).full_match("/".join(parts))


@given(PARTS, NAMES)
def test_a_directory_matches_if_something_in_it_does(parts, names):
    glob = "/".join(parts)
    for end in range(1, len(names)):
        if matching([glob], ["/".join(names)]):
            assert matching([glob], ["/".join(names[:end]) + "/"])


@given(NAMES)
def test_a_plain_path_matches_itself_and_everything_below(names):
    path = "/".join(names)
    assert matching([path], [path, f"{path}/below", f"{path}x"]) == [path, f"{path}/below"]


def test_a_long_name_in_a_pull_request_does_not_slow_matching():
    assert matching(["**/*a*a*a*a*a*a/**/b/**/c"], ["/".join(["a" * 200 + "b"] * 50)]) == []
