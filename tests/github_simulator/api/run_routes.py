"""The routes of runs, artifacts, commits and files."""

from __future__ import annotations

from github_simulator.api.exchange import Answer, json_answer, refused
from github_simulator.api.rights import Right
from github_simulator.api.routes import not_found

_RAW = "application/vnd.github.raw"
_REPO = "/repos/{owner}/{repo}"


def run(asked):
    found = asked.repository.runs.get(asked.number("run_id"))
    if found is None:
        return not_found()
    shown = asked.show.run(found)
    return json_answer({**shown, "pull_requests": []} if asked.query.get("exclude_pull_requests") == "true" else shown)


def artifacts(asked):
    found = asked.repository.runs.get(asked.number("run_id"))
    if found is None:
        return not_found()
    name = asked.query.get("name")
    newest_first = asked.query.get("direction", "desc") == "desc"
    wanted = [one for one in found.artifacts if name in {None, one.name}]
    wanted.sort(key=lambda one: one.id, reverse=newest_first)
    here, headers = asked.paged(wanted, lambda one: asked.show.artifact(found, one))
    return json_answer({"total_count": len(wanted), "artifacts": here}, **headers)


def archive(asked):
    number = asked.number("artifact_id")
    found = [one for run_ in asked.repository.runs.values() for one in run_.artifacts if one.id == number]
    if not found or asked.values["archive_format"] != "zip":
        return not_found()
    if found[0].expired:
        return refused(410, "Artifact has expired")
    return Answer(status=302, headers={"Location": asked.github.storage.address(found[0].content)})


def commit(asked):
    sha = asked.repository.commit_at(asked.values["ref"])
    if sha is None:
        return refused(422, f"No commit found for SHA: {asked.values['ref']}")
    if "application/vnd.github.sha" in asked.seen.headers.get("accept", ""):
        headers = {"Content-Type": "application/vnd.github.sha; charset=utf-8"}
        return Answer(status=200, headers=headers, content=sha.encode())
    return json_answer(asked.show.commit(asked.repository, sha))


def contents(asked):
    repository, path = asked.repository, asked.values["path"]
    ref = asked.query.get("ref", repository.default_branch)
    sha = repository.commit_at(ref)
    if sha is None:
        return refused(404, f"No commit found for the ref {ref}")
    content = repository.files.get((sha, path))
    accept = asked.seen.headers.get("accept", "")
    if content is None:
        return _folder(asked, ref, sha, path)
    if _RAW in accept:
        headers = {"Content-Type": f"{_RAW}+json; charset=utf-8"}
        return Answer(status=200, headers=headers, content=content)
    return _told(asked, asked.show.file(repository, ref, path, content))


def _folder(asked, ref, sha, path):
    names = {}
    for at, file in asked.repository.files:
        if at == sha and file.startswith(f"{path}/"):
            name, _, below = file.removeprefix(f"{path}/").partition("/")
            names[name] = None if below else asked.repository.files[at, file]
    if not names:
        return not_found()
    return json_answer(asked.show.folder(asked.repository, ref, path, names))


def _told(asked, shown):
    kind = "application/vnd.github.object"
    as_object = kind in asked.seen.headers.get("accept", "")
    return json_answer(shown, **{"Content-Type": f"{kind}+json; charset=utf-8"}) if as_object else json_answer(shown)


RUN_ROUTES = {
    ("get", f"{_REPO}/actions/runs/{{run_id}}"): ((Right("actions"),), run),
    ("get", f"{_REPO}/actions/runs/{{run_id}}/artifacts"): ((Right("actions"),), artifacts),
    ("get", f"{_REPO}/actions/artifacts/{{artifact_id}}/{{archive_format}}"): ((Right("actions"),), archive),
    ("get", f"{_REPO}/commits/{{ref}}"): ((Right("contents"),), commit),
    ("get", f"{_REPO}/contents/{{path}}"): ((Right("contents"),), contents),
}
