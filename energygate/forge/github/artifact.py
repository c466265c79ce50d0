"""The first stage's artifact: downloaded and opened in memory, and not trusted."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
import zlib
from typing import TYPE_CHECKING

from energygate.errors import MeasurementError
from energygate.forge.github.api_errors import FileTooLong, GitHubError
from energygate.result.files import RESULT_NAME
from energygate.result.reading import MAX_BYTES
from energygate.text import quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from energygate.forge.github.client import GitHubClient
    from energygate.forge.github.json_fields import Fields

MAX_ARCHIVE_BYTES = MAX_BYTES + 65_536
"""Maximum size of the artifact: an uncompressed result, and the archive's directory."""

MAX_ENTRIES = 8
"""Entries that are read before an archive is refused for having more than one."""

_NEEDS = "actions: read"
_TOO_LONG = f"it is larger than {MAX_ARCHIVE_BYTES / 1e6:.0f} MB"
_GONE = 410
_PIECE_BYTES = 65_536
_LISTED = b"PK\x01\x02"  # begins each entry of an archive's directory
_ENCRYPTED = 0x1
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    OverflowError,
    RuntimeError,  # NotImplementedError too
    ValueError,  # UnicodeError too
)
"""What `zipfile` raises where an archive is invalid, incomplete, or lies about where its parts are."""


def download_result(client: GitHubClient, *, repository: str, run_id: int, name: str) -> bytes:
    """Return the one file `result.json` in a run's artifact, read in memory; nothing is written to disk.

    Attempts of a run share its artifacts and may leave several of one name. The newest is taken, by its id as
    GitHub's own download does (https://github.com/actions/toolkit/pull/1592), whichever attempt it comes from:
    where only other jobs were run again it is from an earlier attempt, and about the same commit.

    Args:
        client: The API; its token needs `actions: read`.
        repository: `owner/name` of the run's repository.
        run_id: The run.
        name: The artifact's name.

    Raises:
        GitHubError: There is no such artifact, it has expired, or GitHub refuses.
        MeasurementError: Its content is not what energygate uploads; one sentence.
    """
    actions = f"/repos/{repository}/actions"
    where = f"artifact {name} of run {run_id}"
    artifact = _newest(client, f"{actions}/runs/{run_id}/artifacts", name=name, where=where)
    if artifact.flag("expired"):
        raise _expired(where)
    # The size is what the uploader claims, so the download has a limit of its own.
    if artifact.whole("size_in_bytes") > MAX_ARCHIVE_BYTES:
        raise _unusable(_TOO_LONG, where)
    path = f"{actions}/artifacts/{artifact.whole('id')}/zip"
    try:
        archive = client.download(path, limit_bytes=MAX_ARCHIVE_BYTES, needs=_NEEDS)
    except FileTooLong:
        raise _unusable(_TOO_LONG, where) from None
    except GitHubError as error:
        if error.status == _GONE:
            raise _expired(where) from None
        raise
    return result_in(archive, where=where)


def result_in(archive: bytes, *, where: str, limit_bytes: int = MAX_BYTES) -> bytes:
    """Return the content of the archive's one file `result.json`; anything else in it is refused.

    No more than the limit is inflated, whatever sizes the archive claims, and no more of its directory is read than
    an honest archive has.

    Args:
        archive: The zip archive.
        where: What to call it in errors.
        limit_bytes: The file's maximum size.

    Raises:
        MeasurementError: One sentence; names out of the archive are escaped and cut.
    """
    # `zipfile` builds an object for every entry before it says how many there are. It finds none without these
    # four bytes, which compressed data contains by chance once in 4 GB.
    if archive.count(_LISTED) > MAX_ENTRIES:
        raise _unusable(f"it lists more than {MAX_ENTRIES} files", where)
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            if wrong := next(_faults(opened.infolist(), limit_bytes), None):
                raise _unusable(wrong, where)
            (entry,) = opened.infolist()
            with opened.open(entry) as member:
                # No more than the declared size comes out of this, and the checksum is verified at the end.
                content = b"".join(iter(lambda: member.read(_PIECE_BYTES), b""))
    except _UNREADABLE:
        raise _unusable("it is not a complete zip archive", where) from None
    if len(content) != entry.file_size:
        raise _unusable(f"{RESULT_NAME} in it is incomplete", where)
    return content


def _faults(entries: Sequence[zipfile.ZipInfo], limit_bytes: int) -> Iterator[str]:
    """Yield what is wrong with an archive's entries, as clauses; nothing when it is one readable file."""
    # Both names: `zipfile` cuts the one in the archive at a zero byte, and may take another from an extra field.
    names = [name for one in entries for name in (one.orig_filename, one.filename)]
    yield from (f"it contains the file {quote(name)}" for name in names if name != RESULT_NAME)
    if len(entries) != 1:
        yield f"it contains {RESULT_NAME} {len(entries)} times" if entries else "it is empty"
    for entry in entries:
        if stat.S_IFMT(entry.external_attr >> 16) not in {0, stat.S_IFREG}:
            yield f"{RESULT_NAME} in it is not a regular file"
        if entry.flag_bits & _ENCRYPTED:
            yield f"{RESULT_NAME} in it is encrypted"
        if entry.compress_type not in _METHODS:
            yield f"{RESULT_NAME} in it is compressed by a method that GitHub does not use"
        if entry.file_size > limit_bytes:
            yield f"{RESULT_NAME} in it is larger than {limit_bytes / 1e6:.0f} MB"


def _newest(client: GitHubClient, path: str, *, name: str, where: str) -> Fields:
    # Servers that do not know the query list all, so the names are checked in any case.
    listed = client.items(path, query={"name": name}, within="artifacts", needs=_NEEDS)
    named = [one for one in listed if one.text("name") == name]
    if not named:
        raise GitHubError("the run has no artifact of this name", where=where, hint="See the first stage's log")
    return max(named, key=lambda one: one.whole("id"))


def _expired(where: str) -> GitHubError:
    return GitHubError("the artifact has expired", where=where, hint="Run the first stage again", status=_GONE)


def _unusable(why: str, where: str) -> MeasurementError:
    return MeasurementError(
        f"cannot read the result from the artifact: {why}",
        where=where,
        hint=f"It must be a zip archive of {RESULT_NAME} alone, as energygate's first stage uploads it",
    )
