"""`energygate comment`."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

import click

from energygate.errors import UsageError

if TYPE_CHECKING:
    from energygate.result.result import Result

PUBLIC_API = "https://api.github.com"

NOT_POSTED = 5
"""Exit code when GitHub refuses: none of those of `check`, so that no script takes it for a verdict."""

RUN_ID, ATTEMPT, PULL_REQUEST = (click.IntRange(1, 10**digits - 1) for digits in (19, 9, 18))
"""The numbers that a comment's marker has room for."""

HELP = """Post a result as the one comment on a pull request, or update it.

For CI systems other than GitHub Actions, and for scripts; in GitHub Actions
the action does this. GITHUB_TOKEN holds the token, GITHUB_API_URL the API's
address. Only a comment by this token's owner is ever edited, and never by an
older run than the one that wrote it.

\b
Exit codes, whatever the verdict in the result:
  0  posted, up to date already, or nothing to say
  2  usage error
  3  RESULT cannot be read
  5  GitHub refused, or cannot be reached
"""


def _key(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    from energygate.forge.github.sticky_comment import KEY_RULE, is_key

    if not is_key(value):
        raise click.BadParameter(f"it must be {KEY_RULE}")
    return value


def _sha(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    from energygate.forge.github.json_fields import is_sha

    if value and not is_sha(value):
        raise click.BadParameter("it must be the full hash of the commit")
    return value


@click.command(help=HELP, short_help="Post a result as the one comment on a pull request.")
@click.argument("source", metavar="RESULT")
@click.option("--repository", metavar="OWNER/NAME", required=True, help="The pull request's repository.")
@click.option(
    "--pull-request",
    metavar="N",
    type=PULL_REQUEST,
    required=True,
    help="The pull request's number.",
)
@click.option(
    "--when",
    type=click.Choice(["always", "changes", "on-failure", "never"]),
    default="always",
    show_default=True,
    help="When to post a comment; one that exists is always kept up to date.",
)
@click.option(
    "--key",
    default="default",
    show_default=True,
    callback=_key,
    help="Distinguishes several comments on one pull request.",
)
@click.option("--run-url", metavar="URL", help="The run's address, for the comment to link.")
@click.option("--sha", metavar="COMMIT", callback=_sha, help="The commit that was measured.  [default: the result's]")
@click.option(
    "--run-id",
    metavar="N",
    type=RUN_ID,
    envvar="GITHUB_RUN_ID",
    show_envvar=True,
    help="A number that later runs exceed.  [default: the result's time in seconds]",
)
@click.option(
    "--attempt",
    metavar="N",
    type=ATTEMPT,
    envvar="GITHUB_RUN_ATTEMPT",
    show_envvar=True,
    default=1,
    show_default=True,
    help="Which attempt of that run.",
)
@click.option("--strict", is_flag=True, help="An inconclusive verdict is a failure, as for `check`.")
def comment(
    source: str,
    repository: str,
    pull_request: int,
    when: str,
    key: str,
    run_url: str | None,
    sha: str | None,
    run_id: int | None,
    attempt: int,
    strict: bool,
) -> None:
    """Run `energygate comment`."""
    from energygate.forge.github.sticky_comment import Marker, Thread

    thread = Thread(repository=repository, number=pull_request)
    token = os.environ.get("GITHUB_TOKEN", "")
    if not token:
        raise UsageError("it is not set", where="GITHUB_TOKEN", hint="It holds the token to comment with")

    import requests

    from energygate.cli.results import result_from
    from energygate.forge.comment import When, post_result
    from energygate.forge.github.api_errors import GitHubError
    from energygate.forge.github.client import GitHubClient

    result = result_from(source)
    commit = sha or result.head_commit
    if commit is None:
        raise UsageError("the result does not name its commit", hint="Give its full name with --sha")
    marker = Marker(key=key, run_id=run_id or _seconds(result), attempt=attempt, sha=commit)
    with requests.Session() as session:
        client = GitHubClient(session=session, api_url=os.environ.get("GITHUB_API_URL") or PUBLIC_API, token=token)
        try:
            posted = post_result(
                client,
                result,
                thread=thread,
                marker=marker,
                when=When(when),
                strict=strict,
                run_url=run_url,
            )
        except GitHubError as error:
            click.echo(f"energygate: {error}", err=True)
            sys.exit(NOT_POSTED)
    click.echo(f"{posted.outcome.value}: {posted.url}" if posted else "nothing to report, and no comment to update")


def _seconds(result: Result) -> int:
    """Return when the result was made, in seconds since 1970: posting it again is no later run.

    A time in the future would suppress all runs until then, so it counts as now.
    """
    from datetime import datetime

    made = datetime.fromisoformat(result.created).timestamp()
    return max(min(int(made), int(time.time())), 1)
