"""Names in Kubernetes made from names in the policy, which may be any text."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

MAX_NAME_LENGTH = 46
"""Characters of a Deployment's name. A pod's is it, a hash of up to 10, 5 random characters and two dashes; the API
server cuts what is longer than 63 (k8s.io/apiserver, storage/names), and the cut would not be recognised."""

POD_SUFFIX = "-[a-z0-9]+-[a-z0-9]{5}"
"""What a Deployment's pods have after its name: the ReplicaSet's hash and a random part, neither with a dash."""

_LABEL = re.compile("[a-z]([a-z0-9-]*[a-z0-9])?")
_HASH = 8


def is_label(text: str) -> bool:
    """Return whether a text can name any object, Services included: a DNS label of RFC 1035."""
    return _LABEL.fullmatch(text) is not None and len(text) <= 63  # noqa: PLR2004 - of a label in DNS


def object_names(workloads: Iterable[str], variants: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Name each workload's objects, so that no two of any workload are alike.

    A workload called X has objects called X and X-VARIANT. A name that is a short DNS label stays as it is; others keep
    their valid characters and get a hash of the whole. So a name does not depend on the other workloads, unless two
    would be alike.

    Args:
        workloads: The policy's names.
        variants: Names of the variants of each; DNS labels.

    Returns:
        The name of each workload's objects without a variant.
    """
    found: dict[str, str] = {}
    taken: set[str] = set()
    for workload in workloads:
        room = MAX_NAME_LENGTH - 1 - max(map(len, variants[workload]), default=0)
        for attempt in range(len(taken) + 2):
            name = _name(workload, room, attempt)
            objects = {name, *(f"{name}-{variant}" for variant in variants[workload])}
            if not objects & taken:
                break
        found[workload] = name
        taken |= objects
    return found


def _name(text: str, room: int, attempt: int) -> str:
    if attempt == 0 and is_label(text) and len(text) <= room:
        return text
    hashed = sha256(f"{text}\0{attempt}".encode()).hexdigest()[:_HASH]
    kept = re.sub("[^a-z0-9]+", "-", text.lower()).strip("-")
    kept = kept if kept[:1].isalpha() else f"w-{kept}"
    return f"{kept[: room - _HASH - 1].strip('-')}-{hashed}"


def pods_of(deployments: Sequence[str]) -> str:
    """Return a regular expression of the pods of some Deployments; its first group is the Deployment."""
    return f"({'|'.join(deployments)}){POD_SUFFIX}"
