"""Live verdicts on what is slow to load, dear per request, or dearer for some inputs only.

    uv run python bench/slow_loading.py [RUNS] [CASE]

Every run is `energygate check --base-dir` with the default time limit, in directories of its own. Prints how many
verdicts were right, and the median time of measuring. A run takes one to two minutes.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

LOADING = """\
import time

end = time.process_time() + {seconds}
while time.process_time() < end:
    pass
"""

CALLABLE = """

def make():
    return lambda: sum(range({work}))
"""

SERVER = """
import http.server
import json
import sys


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.answer(b"{{}}")

    def do_POST(self):
        line = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["line"]
        sum(range({late_work} if line > 12 else {work}))
        self.answer(b'{{"answer": 42}}')

    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""

PYTHON = "python: app:make"
SERVED = "{http: 'http://127.0.0.1:{port}/', serve: 'exec python app.py {port}', ready: /, inputs: lines.jsonl"

WORK_PER_MS = 60_000
"""About how many numbers `sum(range(n))` adds in a millisecond."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """A change of one workload.

    Attributes:
        name: What it is, in words.
        loading_s: CPU time that both sides take to load.
        request_ms: About what base's requests take.
        dearer: Head's work per request, as a multiple of base's.
        late_dearer: The same for lines 13 to 20 of the inputs.
        limit: The policy's `max_increase`.
        served: Whether it is a server; otherwise a callable.
        verdict: The right verdict.
    """

    name: str
    loading_s: float
    request_ms: float
    dearer: float = 1.0
    late_dearer: float | None = None
    limit: str
    served: bool = False
    verdict: str

    def write(self, directory: Path, *, head: bool) -> None:
        """Write one side, with the policy."""
        work = self.request_ms * WORK_PER_MS
        dearer = self.dearer if head else 1.0
        late = dearer if self.late_dearer is None or not head else self.late_dearer
        program = LOADING + (SERVER if self.served else CALLABLE)
        text = program.format(seconds=self.loading_s, work=round(work * dearer), late_work=round(work * late))
        (directory / "app.py").write_text(f"{text}\n# {'head' if head else 'base'}\n", encoding="utf-8")
        lines = "".join(json.dumps({"line": number}) + "\n" for number in range(1, 21))
        (directory / "lines.jsonl").write_text(lines, encoding="utf-8")
        workload = SERVED if self.served else "{" + PYTHON
        budgets = f"budgets: {{energy_per_request: {{max_increase: {self.limit}}}}}}}"
        policy = f"version: 1\nworkloads:\n  slow: {workload}, {budgets}\n"
        (directory / "energygate.yml").write_text(policy, encoding="utf-8")


CASES = (
    Case(name="callable, loads for 10 s, +30 %", loading_s=10, request_ms=20, dearer=1.3, limit="5 %", verdict="fail"),
    Case(name="callable, loads for 10 s, nothing changed", loading_s=10, request_ms=20, limit="5 %", verdict="pass"),
    Case(
        name="server, starts for 15 s, 60 ms, +50 %",
        loading_s=15,
        request_ms=60,
        dearer=1.5,
        limit="10 %",
        served=True,
        verdict="fail",
    ),
    Case(
        name="20 prompts of 64 ms, the last 8 three times as dear",
        loading_s=0,
        request_ms=64,
        late_dearer=3.0,
        limit="5 %",
        served=True,
        verdict="fail",
    ),
)


@dataclass(frozen=True, kw_only=True)
class Checked:
    """The verdict of one check, with the time and launches that it took."""

    verdict: str
    seconds: float
    launches: int


def check(case: Case) -> Checked:
    """Run one check."""
    with tempfile.TemporaryDirectory() as name:
        base, head = Path(name) / "base", Path(name) / "head"
        for side in (base, head):
            side.mkdir()
            case.write(side, head=side is head)
        result = Path(name) / "result.json"
        command = ["-m", "energygate", "check", "--base-dir", str(base), "--json", str(result), "--quiet"]
        ran = subprocess.run([sys.executable, *command], cwd=head, capture_output=True, text=True, check=False)
        if not result.exists():
            sys.exit(ran.stdout + ran.stderr)
        (workload,) = json.loads(result.read_text(encoding="utf-8"))["workloads"]
        print(f"  {ran.stdout.strip().splitlines()[0]}", file=sys.stderr, flush=True)
        about = workload["provenance"]
        return Checked(verdict=workload["verdict"], seconds=about["seconds"], launches=len(about["launches"]))


def main(runs: int, only: str) -> int:
    """Print a line per case; returns 1 when a verdict was not right."""
    print(f"{'case':54}{'should':>8}{'is':>12}{'seconds':>9}{'launches':>10}")
    wrong = False
    for case in CASES:
        if only not in case.name:
            continue
        found = [check(case) for _ in range(runs)]
        right = sum(one.verdict == case.verdict for one in found)
        wrong |= right < runs
        seconds = statistics.median(one.seconds for one in found)
        launches = sorted({str(one.launches) for one in found})
        others = {one.verdict for one in found} - {case.verdict}
        print(
            f"{case.name:54}{case.verdict:>8}{f'{right} of {runs}':>12}{seconds:9.0f}{', '.join(launches):>10}"
            + (f"   otherwise {', '.join(sorted(others))}" if others else ""),
            flush=True,
        )
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1, sys.argv[2] if len(sys.argv) > 2 else ""))
