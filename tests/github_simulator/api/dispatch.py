"""The order in which a request is handled: authentication, permission, rate limits, then the operation's route."""

from __future__ import annotations

from github_simulator.api import contract
from github_simulator.api.exchange import json_answer, no_access, refused
from github_simulator.api.routes import ROUTES, Asked, not_found
from github_simulator.api.run_routes import RUN_ROUTES

ANSWERS = ROUTES | RUN_ROUTES
HOURLY = 5000
"""Requests that a token has each hour, as answers tell of them."""

_SERVER = 500


def answered(github, seen, path, token):
    """Answer a request to this path, the API's prefix taken off, with this `Token` (`None`: nobody's)."""
    if github.budget == 0:
        return primary_limit(github.reset_s)
    if github.budget is not None:
        github.budget -= 1
    answer = refused(401, "Bad credentials") if token is None else _known(github, seen, path, token)
    # That none is left is the next one's to hear: GitHub counts the one that it answers.
    answer.headers.update(_counted(HOURLY if github.budget is None else github.budget, github.reset_s))
    return answer


def is_graphql(github, seen):
    """Tell a question to GraphQL, which lies beside the REST API and is not in its description."""
    return (seen.method, seen.path) == ("POST", f"{github.prefix.removesuffix('/v3')}/graphql")


def _known(github, seen, path, token):
    if is_graphql(github, seen):
        login = {"login": token.user.login}
        return json_answer({"data": {"viewer": login}}) if github.graphql else no_access()
    operation, values = contract.github().find(seen.method, path)
    if operation is None:
        return not_found()
    needed, answer = ANSWERS[operation.method, operation.template]
    repository = None
    if "repo" in values:
        repository = github.repository_named(f"{values['owner']}/{values['repo']}")
        if repository is None or not token.may_see(repository):
            return not_found()
        if not token.may(repository, needed):
            return no_access()
    return answer(Asked(github=github, seen=seen, user=token.user, values=values, repository=repository))


def _counted(left, reset_s):
    return {
        "X-RateLimit-Limit": str(HOURLY),
        "X-RateLimit-Remaining": str(left),
        "X-RateLimit-Reset": str(reset_s),
    }


def primary_limit(reset_s):
    """Refuse until this time in seconds since 1970."""
    answer = refused(403, "API rate limit exceeded for installation ID 1.")
    answer.headers.update(_counted(0, reset_s))
    return answer


def secondary_limit(status, wait_s):
    """Refuse for some seconds; `None` says nothing of how many."""
    answer = refused(
        status, "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
    )
    if wait_s is not None:
        answer.headers["Retry-After"] = str(wait_s)
    return answer


def failure(status):
    """Answer with trouble of GitHub's own."""
    return refused(status, "Server Error" if status >= _SERVER else "Not Found")
