"""What a token may do: the permissions that a workflow names, on some repositories."""

from __future__ import annotations

from dataclasses import dataclass

_LEVELS = {"none": 0, "read": 1, "write": 2}
_NAMES = (
    "actions artifact_metadata attestations checks contents deployments discussions id_token issues metadata models "
    "packages pages pull_requests repository_projects security_events statuses"
)


@dataclass(frozen=True)
class Right:
    """A right by name, such as `pull_requests`, and how much of it."""

    name: str
    level: str = "read"


@dataclass(frozen=True, kw_only=True)
class Token:
    """A token's user, its levels by right, and the repositories it was made for (`None`: all)."""

    user: object
    rights: dict
    repositories: frozenset | None

    def is_for(self, repository):
        return self.repositories is None or repository.full_name.lower() in self.repositories

    def may_see(self, repository):
        return self.is_for(repository) or not repository.private

    def may(self, repository, needed):
        """Tell whether it has one of these rights there; where it is a stranger it may read what is public."""
        if not self.is_for(repository):
            return not repository.private and all(one.level == "read" for one in needed)
        return any(_LEVELS[self.rights.get(one.name, "none")] >= _LEVELS[one.level] for one in needed)


def rights_of(named):
    """Return levels by right from names as in a workflow (`pull-requests`) or as in the API (`pull_requests`)."""
    rights = {name.replace("-", "_"): level for name, level in named.items()}
    unknown = [*(set(rights) - set(_NAMES.split())), *(set(rights.values()) - set(_LEVELS))]
    if unknown:
        raise ValueError(f"GitHub knows no such right: {unknown}")
    # Every token may read what a repository is.
    return {"metadata": "read", **rights}


def all_rights(level):
    return dict.fromkeys(_NAMES.split(), level)
