"""What GitHub's refusals mean, each as one sentence to a person with what to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from energygate.errors import EnergygateError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from energygate.errors import Hint

_LONGEST_QUOTE = 200


class GitHubTrouble(EnergygateError):
    """GitHub could not be asked or told something; this never changes a verdict.

    Attributes:
        status: The HTTP status of GitHub's answer; `None` when there was no answer, or a wrong one.
        wait_s: Seconds after which asking again may help; `None` when it would not.
    """

    wait_s: float | None = None

    def __init__(
        self, what: str, *, where: str | None = None, hint: Hint | None = None, status: int | None = None
    ) -> None:
        super().__init__(what, where=where, hint=hint)
        self.status = status


class TooLong(GitHubTrouble):
    """A file is longer than anyone wants to read: the fault of who wrote it, and not of GitHub."""


def refusal(*, asked: str, status: int, words: str, needs: str) -> GitHubTrouble:
    """Explain an answer that is a refusal.

    Args:
        asked: The request, such as `POST /repos/o/r/issues/1/comments`.
        status: The answer's status, 400 or more.
        words: GitHub's own; empty when it said nothing.
        needs: The permission the request needs, such as `pull-requests: write`.
    """
    said = f"GitHub refused with {status}" + (f" ({words})" if words else "")
    return GitHubTrouble(said, where=asked, hint=_advice(status, needs), status=status)


def limited(*, asked: str, status: int, words: str, wait_s: float | None) -> GitHubTrouble:
    """Explain that GitHub is asked too often, and for longer than a report is worth waiting for."""
    said = f" ({words})" if words else ""
    wait = f" in {wait_s:.0f} s" if wait_s is not None and wait_s < _DAY_S else " later"
    return GitHubTrouble(
        f"GitHub limits how often it may be asked{said}",
        where=asked,
        hint=f"Run it again{wait}",
        status=status,
    )


def silence(*, asked: str, how: str) -> GitHubTrouble:
    """Explain that there was no usable answer."""
    return GitHubTrouble(
        f"GitHub did not answer: {how}", where=asked, hint="Check GITHUB_API_URL, or run it again"
    )


def _advice(status: int, needs: str) -> str | None:
    advice: Mapping[int, str] = {
        401: "The token is wrong or has expired; pass the job's own, `github.token`",
        403: f"Give the job `permissions: {{{needs}}}`; pull requests from forks and Dependabot have tokens that "
        "only read, so their comments need the second stage",
        404: f"Check the repository and the number; a token without `{needs}` sees a private repository so, too",
    }
    return advice.get(
        status, "GitHub has trouble of its own; run it again later" if status >= _SERVER else None
    )


_SERVER = 500
_DAY_S = 86_400


def quoted(content: object, *, secret: str) -> str:
    """Return what GitHub says in the body of a refusal, fit for a log: short, printable, without the token.

    Args:
        content: The parsed body: by GitHub's description `message`, and `errors` with a `message` each.
        secret: What must not be shown, whoever sent it back.
    """
    if not isinstance(content, dict):
        return ""
    errors = content.get("errors")
    details = errors if isinstance(errors, list) else []
    said = [
        content.get("message"),
        *(one.get("message") if isinstance(one, dict) else one for one in details),
    ]
    text = "; ".join(one for one in said if isinstance(one, str)).replace(secret, "***")
    return "".join(c if c.isprintable() else " " for c in text)[:_LONGEST_QUOTE]
