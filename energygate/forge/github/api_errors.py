"""Errors of GitHub's API, each as one sentence to a person with what to do next."""

from __future__ import annotations

from energygate.errors import EnergygateError

MAX_MESSAGE = 200
"""Characters of GitHub's own message that are quoted."""

_SERVER = 500
_DAY_S = 86_400


class GitHubError(EnergygateError):
    """GitHub refused or could not be reached; this never changes a verdict.

    Attributes:
        status: The HTTP status of GitHub's answer; `None` when there was no answer, or an invalid one.
        wait_s: Seconds after which asking again may help; `None` when it would not.
    """

    def __init__(
        self,
        what: str,
        *,
        where: str | None = None,
        hint: str | None = None,
        status: int | None = None,
        wait_s: float | None = None,
    ) -> None:
        super().__init__(what, where=where, hint=hint)
        self.status = status
        self.wait_s = wait_s


class FileTooLong(GitHubError):
    """A file is longer than the limit: its author's fault, not GitHub's."""


def refused(*, request: str, status: int, message: str, needs: str, wait_s: float | None) -> GitHubError:
    """Return the error for an answer with an error status.

    Args:
        request: The request's name, such as `POST /repos/o/r/issues/1/comments`.
        status: The answer's status, 400 or more.
        message: GitHub's message; empty without one.
        needs: The permission the request needs, such as `pull-requests: write`.
        wait_s: Seconds after which asking again may help; `None` when it would not.
    """
    hints = {
        401: "The token is wrong or has expired; pass the job's own, `github.token`",
        403: f"Give the job `permissions: {{{needs}}}`; pull requests from forks and Dependabot have "
        "read-only tokens, so their comments need the second stage",
        404: f"Check the repository and the number; a token without `{needs}` gets this for private repositories, too",
    }
    default = "GitHub itself has a problem; run it again later" if status >= _SERVER else None
    return GitHubError(
        f"GitHub refused with {status}" + (f" ({message})" if message else ""),
        where=request,
        hint=hints.get(status, default),
        status=status,
        wait_s=wait_s,
    )


def rate_limited(*, request: str, status: int, message: str, wait_s: float | None) -> GitHubError:
    """Return the error for an exceeded rate limit."""
    wait = f" in {wait_s:.0f} s" if wait_s is not None and wait_s < _DAY_S else " later"
    return GitHubError(
        "GitHub's rate limit is hit" + (f" ({message})" if message else ""),
        where=request,
        hint=f"Run it again{wait}",
        status=status,
        wait_s=wait_s,
    )


def unanswered(*, request: str, why: str, wait_s: float | None = None) -> GitHubError:
    """Return the error for a missing or unusable answer."""
    return GitHubError(
        f"GitHub did not answer: {why}",
        where=request,
        hint="Check GITHUB_API_URL, or run it again",
        wait_s=wait_s,
    )


def message_in(content: object, *, secret: str) -> str:
    """Return GitHub's message in the body of a refusal, fit for a log: short, printable, without the token.

    Args:
        content: The parsed body: by GitHub's description `message`, and `errors` with a `message` each.
        secret: What must not be shown, whoever sent it back.
    """
    if not isinstance(content, dict):
        return ""
    errors = content.get("errors")
    details = errors if isinstance(errors, list) else []
    messages = [
        content.get("message"),
        *(one.get("message") if isinstance(one, dict) else one for one in details),
    ]
    text = "; ".join(one for one in messages if isinstance(one, str)).replace(secret, "***")
    return "".join(c if c.isprintable() else " " for c in text)[:MAX_MESSAGE]
