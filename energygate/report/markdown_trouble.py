"""The comment and the summary where there is no result: what broke, and that nothing was judged."""

from __future__ import annotations

from energygate.errors import UsageError
from energygate.report.escaping import link, prose
from energygate.report.markdown_parts import details, quoted

HEADLINE = 300
"""Characters of the headline."""

EXIT_CODES = {
    2: "a mistake in the policy, or in how energygate is called",
    3: "no valid measurement",
}
"""What the exit codes of a run without a result stand for."""


def trouble(  # noqa: PLR0913 - a trouble's parts
    message: str, *, hint: str | None, detail: str | None, run_url: str | None, exit_code: int, limit: int
) -> str:
    """Write the comment or summary of a run that came to no result.

    Args:
        message: What happened and where, one sentence without its final full stop.
        hint: What to do next, one sentence; `None` when `message` says it all.
        detail: A process's last words; `None` when there are none.
        run_url: Where the run can be seen; `None` when nowhere.
        exit_code: What the gate ends with, 2 or 3.
        limit: Bytes that the text has at most, which are never fewer than its UTF-16 units.

    Returns:
        Markdown; without the last words where those do not fit.

    Raises:
        UsageError: Not even the sentence fits; the limit is that small.
    """
    shown = prose(message.rstrip("."), limit=HEADLINE)
    ends = f" Exit code {exit_code}: {EXIT_CODES[exit_code]}." if exit_code in EXIT_CODES else ""
    advice = ["", prose(hint if hint.endswith(("?", "!", ".")) else f"{hint}.")] if hint else []
    top = [f"### 💥 energygate: {shown}", *advice, "", f"Nothing was judged.{ends}"]
    bottom = ["", f"<sub>{link('run', run_url)}</sub>"] if run_url else []
    for body in (details("Last words", quoted(detail), is_open=True), []):
        written = "\n".join([*top, *body, *bottom]) + "\n"
        if len(written.encode()) <= limit:
            return written
    raise UsageError("the trouble alone is longer than a comment may be", hint="Choose a larger limit")
