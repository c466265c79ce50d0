"""A file of base without a checkout: a hidden policy must never look like a missing one."""

from __future__ import annotations

import base64
from urllib.parse import quote

import pytest

from energygate.errors import UsageError
from energygate.forge.github.api_errors import GitHubError
from energygate.forge.github.repository_file import read_file

BASE, OTHER = "b" * 40, "c" * 40
POLICY = b"version: 1\n"
CONTENTS = "/repos/octo/shop/contents"


@pytest.fixture
def repository(github):
    made = github.repository("octo/shop")
    made.files[(BASE, "energygate.yml")] = POLICY
    made.files[(BASE, "services/search/energygate.yml")] = b"version: 1\n# search\n"
    return made


@pytest.fixture
def read(github, client_of, repository):  # noqa: ARG001 - which is there before it is read
    client = client_of(github, token=github.token(rights={"contents": "read"}))

    def of(path="energygate.yml", *, commit=BASE, limit_bytes=1_000_000):
        return read_file(client, repository="octo/shop", path=path, commit=commit, limit_bytes=limit_bytes)

    return of


@pytest.fixture
def answered(github, repository):  # noqa: ARG001 - which is there before it is asked for
    """Lets GitHub answer with something else than a file."""

    def so(body):
        github.trick("GET", f"{CONTENTS}/energygate.yml", status=200, body=body)

    return so


def test_a_file_is_read_at_a_commit(github, repository, read):
    repository.files[(OTHER, "energygate.yml")] = b"version: 2\n"
    assert (read(), read(commit=OTHER)) == (POLICY, b"version: 2\n")
    assert [one.query for one in github.seen] == [f"ref={BASE}", f"ref={OTHER}"]


@pytest.mark.parametrize("content", [b"", b"\0\xff" * 999, "name: Kühlschrank\r\n".encode(), b"x" * 1_000], ids=len)
def test_content_comes_out_as_it_went_in(repository, read, content):
    repository.files[(BASE, "energygate.yml")] = content
    assert read() == content


@pytest.mark.parametrize("path", ["./energygate.yml", "energygate.yml/", ".//energygate.yml", "./././energygate.yml"])
def test_a_path_may_be_written_in_more_than_one_way(read, path):
    assert read(path) == POLICY


def test_a_file_may_be_in_a_directory(read):
    assert read("services/search/energygate.yml") == b"version: 1\n# search\n"


@pytest.mark.parametrize(
    "path", ["a b.yml", "a?ref=main.yml", "a#b.yml", "100%.yml", "%2e%2e/x", "ünï/ö.yml", "a\\..\\b", "..."]
)
def test_a_path_of_any_characters_is_one_path(github, repository, read, path):
    repository.files[(BASE, path)] = b"here"
    assert read(path) == b"here"
    assert [one.query for one in github.seen] == [f"ref={BASE}"]
    assert github.seen[0].path in {f"{CONTENTS}/{quote(path)}", f"{CONTENTS}/{path}"}


@pytest.mark.parametrize(
    "path",
    [
        "",
        ".",
        "/",
        "/energygate.yml",
        "..",
        "../../../user",
        "a/../../x",
        "a/..",
        "//x",
        "a\0b",
        "../\x1b[31m",
    ],
)
def test_a_path_outside_of_the_repository_is_not_requested(github, read, path):
    with pytest.raises(UsageError, match="does not lead to a file inside") as caught:
        read(path)
    assert str(caught.value).isprintable()
    assert github.seen == []


@pytest.mark.parametrize("commit", ["", "main", "b" * 39, f"{BASE}\n", "../main"])
def test_a_branch_or_tag_is_not_accepted_as_a_commit(github, read, commit):
    with pytest.raises(UsageError, match="full hash"):
        read(commit=commit)
    assert github.seen == []


# Not there, and not to be seen.


def test_a_missing_file_is_none(github, read):
    assert read("other.yml") is None
    assert [one.path.rpartition("/")[2] for one in github.seen] == ["other.yml", BASE]


def test_a_missing_commit_is_not_taken_for_a_missing_file(read):
    with pytest.raises(GitHubError, match=OTHER) as caught:
        read(commit=OTHER)
    assert caught.value.status in {404, 422}


@pytest.mark.usefixtures("repository")
def test_a_hidden_policy_is_not_taken_for_a_missing_one(github, client_of):
    client = client_of(github, token=github.token(rights={"pull-requests": "write"}))
    with pytest.raises(GitHubError, match="contents: read"):
        read_file(client, repository="octo/shop", path="energygate.yml", commit=BASE, limit_bytes=99)


def test_a_404_of_a_hidden_repository_is_not_taken_for_a_missing_file(github, read):
    github.trick("GET", "/repos/octo/shop/.*", times=2, status=404, body={"message": "Not Found"})
    with pytest.raises(GitHubError, match="contents: read"):
        read()


def test_other_refusals_are_errors_of_github(github, read):
    github.trick("GET", f"{CONTENTS}/.*", status=403, body={"message": "Resource not accessible by integration"})
    with pytest.raises(GitHubError, match="contents: read"):
        read()
    assert len(github.seen) == 1


# No file, or too long a one.


def test_a_directory_is_not_a_file(read):
    with pytest.raises(GitHubError, match=f"services/search at {BASE}: this is a directory, not a file"):
        read("services/search")


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("symlink", "a symbolic link that does not lead to a file"),
        ("submodule", "a submodule"),
        ("dir", "a directory"),
    ],
)
def test_links_and_submodules_are_not_files(answered, read, kind, words):
    answered({"type": kind, "target": "/etc/passwd", "size": 11})
    with pytest.raises(GitHubError, match=f"this is {words}, not a file"):
        read()


@pytest.mark.parametrize(("size", "limit_bytes"), [(11, 10), (1, 0)])
def test_a_file_longer_than_its_limit_is_refused(repository, read, size, limit_bytes):
    repository.files[(BASE, "energygate.yml")] = b"x" * size
    with pytest.raises(GitHubError, match=f"the file has more than {limit_bytes} bytes"):
        read(limit_bytes=limit_bytes)
    assert read(limit_bytes=size) == b"x" * size


def test_a_file_too_long_for_github_is_refused(answered, read):
    answered({"type": "file", "encoding": "none", "content": "", "size": 2_000_000})
    with pytest.raises(GitHubError, match="more than 1 MB"):
        read()


def test_lines_that_github_breaks_are_joined(answered, read):
    content = base64.encodebytes(POLICY * 20).decode()
    assert content.count("\n") > 3
    answered({"type": "file", "encoding": "base64", "content": content, "size": 220})
    assert read() == POLICY * 20


@pytest.mark.parametrize("content", ["!!!!", "AAA", "é", "\ud800", 7, None])
def test_invalid_content_is_refused_in_one_sentence(answered, read, content):
    answered({"type": "file", "encoding": "base64", "content": content})
    with pytest.raises(GitHubError, match="content"):
        read()
