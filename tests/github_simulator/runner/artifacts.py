"""`actions/upload-artifact` and `actions/download-artifact` from version 4 on.

A name can be used once per attempt of a run unless `overwrite` is set; hidden files are left out.
"""

from __future__ import annotations

import fnmatch
import hashlib
import io
import os
import re
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from github_simulator.runner.simulated_actions import ActionFailed, SimulatedAction, Use

if TYPE_CHECKING:
    from github_simulator.runner.github_service import StoredArtifact

_FORBIDDEN = '":<>|*?\r\n\\/'


def upload(use: Use) -> None:
    """Zip what the paths match and leave it with the run."""
    name = use.inputs["name"]
    if not use.flag("archive"):
        raise ActionFailed("the simulated actions/upload-artifact supports zips only, not archive: false")
    if not name or any(character in name for character in _FORBIDDEN):
        raise ActionFailed(f"The artifact name is not valid: {name}. It may not have {_FORBIDDEN!r}")
    files = _found(use)
    if not files:
        _nothing(use)
        return
    platform = use.around.platform
    mine = [one for one in platform.artifacts(use.repository, use.run.id) if one.attempt == use.run.attempt]
    for one in mine:
        if one.name == name:
            if not use.flag("overwrite"):
                raise ActionFailed(
                    "Failed to CreateArtifact: Received non-retryable error: (409) Conflict: "
                    "an artifact with this name already exists on the workflow run"
                )
            platform.delete_artifact(use.repository, use.run.id, one.id)
    content = _zipped(files)
    stored = platform.store_artifact(use.repository, use.run, name, content)
    url = f"{use.github['server_url']}/{use.repository}/actions/runs/{use.run.id}/artifacts/{stored.id}"
    use.outputs |= {
        "artifact-id": str(stored.id),
        "artifact-url": url,
        "artifact-digest": hashlib.sha256(content).hexdigest(),
    }
    use.log.note(f"Artifact {name} has been successfully uploaded! Final size is {len(content)} bytes.")


def _nothing(use: Use) -> None:
    message = f"No files were found with the provided path: {use.inputs['path']}. No artifacts will be uploaded."
    choice = use.inputs["if-no-files-found"]
    if choice == "error":
        raise ActionFailed(message)
    if choice not in {"warn", "ignore"}:
        raise ActionFailed(f"Unrecognized if-no-files-found input. Provided: {choice}.")
    if choice == "warn":
        use.log.annotate("warning", message)
    else:
        use.log.note(message)


def _found(use: Use) -> list[tuple[Path, str]]:
    """Return files and their names in the artifact: from what all the paths have in common."""
    roots: list[Path] = []
    files: set[Path] = set()
    for line in use.lines("path"):
        pattern = line.removeprefix("!")
        matches = _matching(use.below_workspace(pattern))
        inside = {
            file for match in matches for file in ([match] if match.is_file() else match.rglob("*")) if file.is_file()
        }
        files = files - inside if line.startswith("!") else files | inside
        if not line.startswith("!"):
            roots.append(_root(use.below_workspace(pattern)))
    if not use.flag("include-hidden-files"):
        files = {file for file in files if not _hidden(file, roots)}
    if not files:
        return []
    if len(files) == 1 and len(roots) == 1 and roots[0].is_file():
        common = next(iter(files)).parent
    else:
        common = Path(os.path.commonpath([root if root.is_dir() else root.parent for root in roots]))
    return [(file, file.relative_to(common).as_posix()) for file in sorted(files)]


def _matching(path: Path) -> list[Path]:
    path = Path(os.path.normpath(path))
    root = _root(path)
    if root == path:
        return [path] if path.exists() else []
    return sorted(root.glob(str(path.relative_to(root))))


def _root(path: Path) -> Path:
    """Return the part of a pattern before its first wildcard."""
    path = Path(os.path.normpath(path))
    kept = []
    for part in path.parts:
        if any(character in part for character in "*?["):
            break
        kept.append(part)
    return Path(*kept)


def _hidden(file: Path, roots: list[Path]) -> bool:
    for root in roots:
        if file == root:
            return file.name.startswith(".")
        if root in file.parents:
            # What is walked through counts, the folder asked for included; the folders above it do not.
            return any(part.startswith(".") for part in (root.name, *file.relative_to(root).parts))
    return False


def _zipped(files: list[tuple[Path, str]]) -> bytes:
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w", zipfile.ZIP_DEFLATED) as archive:
        for file, name in files:
            archive.writestr(name, file.read_bytes())
    return kept.getvalue()


def download(use: Use) -> None:
    """Unpack one artifact into the path, or those of a pattern, each into a folder of its name unless merged."""
    path = use.below_workspace(use.inputs["path"])
    if use.flag("skip-decompress"):
        raise ActionFailed("the simulated actions/download-artifact always unpacks, as without skip-decompress")
    name, pattern, ids = use.inputs["name"], use.inputs["pattern"], use.inputs["artifact-ids"]
    if name and ids:
        raise ActionFailed("Inputs 'name' and 'artifact-ids' cannot be used together. Please specify only one.")
    listed = _listed(use)
    if name:
        chosen = [one for one in listed if one.name == name]
        if not chosen:
            raise ActionFailed(f"Unable to download artifact(s): Artifact not found for name: {name}")
    elif ids:
        wanted = {int(one) for one in re.split(r"[,\s]+", ids.strip())}
        chosen = [one for one in listed if one.id in wanted]
        if len(chosen) < len(wanted):
            raise ActionFailed("Unable to download artifact(s): None of the provided artifact IDs were found")
    else:
        chosen = [one for one in listed if not pattern or fnmatch.fnmatchcase(one.name, pattern)]
    alone = bool(name) or (bool(ids) and len(chosen) == 1)
    path.mkdir(parents=True, exist_ok=True)
    for one in chosen:
        target = path if alone or use.flag("merge-multiple") else path / one.name
        with zipfile.ZipFile(io.BytesIO(one.content)) as archive:
            archive.extractall(target)
    use.log.note(f"Total of {len(chosen)} artifact(s) downloaded")
    use.outputs["download-path"] = str(path)


def _listed(use: Use) -> list[StoredArtifact]:
    """List the run's artifacts, the newest of each name; another run's take a token that may read them."""
    platform, token = use.around.platform, use.inputs["github-token"]
    repository, run_id = use.repository, use.run.id
    if token:
        repository, run_id = use.inputs["repository"], int(use.inputs["run-id"])
        if not platform.may_read_actions(token, repository):
            raise ActionFailed("Unable to download artifact(s): Resource not accessible by integration")
    newest = {one.name: one for one in platform.artifacts(repository, run_id)}
    return sorted(newest.values(), key=lambda one: one.id)


ACTIONS = {
    "actions/upload-artifact": SimulatedAction(
        inputs={
            "name": "artifact",
            "path": None,
            "if-no-files-found": "warn",
            "retention-days": None,
            "compression-level": "6",
            "overwrite": "false",
            "include-hidden-files": "false",
            "archive": "true",
        },
        outputs=("artifact-id", "artifact-url", "artifact-digest"),
        do=upload,
        required=frozenset({"path"}),
    ),
    "actions/download-artifact": SimulatedAction(
        inputs={
            "name": None,
            "artifact-ids": None,
            "path": None,
            "pattern": None,
            "merge-multiple": "false",
            "github-token": None,
            "repository": "${{ github.repository }}",
            "run-id": "${{ github.run_id }}",
            "skip-decompress": "false",
            "digest-mismatch": "error",
        },
        outputs=("download-path",),
        do=download,
    ),
}
