"""Live verdicts on what is slow to load, dear per request, on a GPU, or dearer for some inputs only.

    uv run --with tensorflow-cpu python bench/live_verdicts.py [RUNS [CASE]]

Every run is `energygate check --base-dir`, in directories of its own; a run takes one to two minutes. Runs are recorded
in bench/traces/live_verdicts.json, in place of earlier ones of the same case. Prints what is recorded: how many
verdicts were right, the median times of measuring and of the whole command, and how far all launches scattered
(standard deviation of ln(head/base)).
"""

from __future__ import annotations

import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
RECORDED = Path(__file__).parent / "traces/live_verdicts.json"
sys.path.insert(0, str(ROOT / "tests/measure/nvml"))

from stand_in import GpuMachine, build  # noqa: E402
from verdicts import TIME_LIMIT_S, Measured, replayed_verdicts, share  # noqa: E402

from energygate.measure.scatter import Scatter  # noqa: E402
from energygate.measure.windows import MIN_BLOCKS  # noqa: E402
from energygate.stats import LogRatio  # noqa: E402

LOADING = """\
import time

end = time.process_time() + {seconds}
while time.process_time() < end:
    pass
"""

MODEL = """
import numpy as np
import onnxruntime


def make():
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession("{root}/fixtures/models/digits-cnn.onnx", options)
    feed = {{"image": np.load("{root}/fixtures/data/digits.npz")["image"][:14]}}

    def request():
        for _ in range({work}):
            logits = session.run(None, feed)[0]
        return float(logits[0, 0])

    return request
"""
"""Runs a model so many times: `WORK_PER_MS` times take a millisecond."""

LOOP = """
def make():
    return lambda: sum(range({work} * 60))
"""

TENSORFLOW = """
def make():
    import numpy
    import tensorflow

    tensorflow.config.threading.set_intra_op_parallelism_threads(1)
    tensorflow.config.threading.set_inter_op_parallelism_threads(1)
    images = tensorflow.constant(numpy.ones((4, 32, 32, 16), "float32"))
    kernel = tensorflow.constant(numpy.ones((3, 3, 16, 16), "float32"))
    convolve = tensorflow.function(lambda one: tensorflow.nn.relu(tensorflow.nn.conv2d(one, kernel, 1, "SAME")))

    def request():
        for _ in range({work}):
            found = convolve(images)
        return float(found[0, 0, 0, 0])

    return request
"""

GPU = """
import random
import time

time.sleep({seconds})


def make():
    noise = random.Random()

    def request():
        time.sleep({work} / {work_per_ms} / 1000 * noise.gauss(1, 0.01))
        return 42

    return request
"""
"""Waits for a GPU, which draws 100 W meanwhile, for a time with 1 % of noise. It loads without computing, too."""

SERVER = """
import http.server
import json
import sys

from model import make

base, late = make({work}), make({late_work})


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.answer(b"{{}}")

    def do_POST(self):
        line = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["line"]
        (late if line > 12 else base)()
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

PYTHON = "{python: 'app:make'"
SERVED = "{http: 'http://127.0.0.1:{port}/', serve: 'exec python app.py {port}', ready: /, inputs: lines.jsonl"

WORK_PER_MS = 2.5
"""About how many times a millisecond runs the model."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """A change of one workload, or of several alike.

    Attributes:
        name: What it is, in words.
        program: `MODEL`, `LOOP`, `TENSORFLOW`, `GPU` or `SERVER`.
        loading_s: CPU time that both sides take to load.
        request_ms: About what base's requests take.
        dearer: Head's work per request, as a multiple of base's.
        late_dearer: The same for lines 13 to 20 of the inputs.
        budget: The policy's, on energy per request.
        workloads: How many there are.
        time_limit_s: The policy's; 60 is the default.
        verdict: The right verdict.
    """

    name: str
    program: str = MODEL
    loading_s: float = 0.0
    request_ms: float = 20.0
    dearer: float = 1.0
    late_dearer: float | None = None
    budget: str = "{max_increase: 5 %}"
    workloads: int = 1
    time_limit_s: int = 60
    verdict: str

    def write(self, directory: Path, *, head: bool) -> None:
        """Write one side, with the policy."""
        work = self.request_ms * WORK_PER_MS
        dearer = self.dearer if head else 1.0
        late = dearer if self.late_dearer is None or not head else self.late_dearer
        filling = {"root": ROOT, "work": round(work * dearer), "late_work": round(work * late)}
        program = self.program if self.program is GPU else LOADING + self.program
        text = program.format(seconds=self.loading_s, work_per_ms=WORK_PER_MS, **filling)
        (directory / "app.py").write_text(f"{text}\n# {'head' if head else 'base'}\n", encoding="utf-8")
        served = MODEL.format(**filling | {"work": "times"}).replace("def make()", "def make(times)")
        (directory / "model.py").write_text(served, encoding="utf-8")
        lines = "".join(json.dumps({"line": number}) + "\n" for number in range(1, 21))
        (directory / "lines.jsonl").write_text(lines, encoding="utf-8")
        workload = SERVED if self.program is SERVER else PYTHON
        budgets = f"budgets: {{energy_per_request: {self.budget}}}}}"
        rows = "".join(f"  slow-{number}: {workload}, {budgets}\n" for number in range(self.workloads))
        (directory / "energygate.yml").write_text(
            f"version: 1\nmeasurement: {{time_limit: {self.time_limit_s} s}}\nworkloads:\n{rows}", encoding="utf-8"
        )


CASES = (
    Case(name="callable, loads for 10 s, +30 %", loading_s=10, dearer=1.3, verdict="fail"),
    Case(name="callable, loads for 10 s, nothing changed", loading_s=10, verdict="pass"),
    Case(
        name="server, starts for 15 s, 60 ms, +50 %",
        program=SERVER,
        loading_s=15,
        request_ms=60,
        dearer=1.5,
        budget="{max_increase: 10 %}",
        verdict="fail",
    ),
    Case(
        name="GPU (stand-in), loads for 5 s, +10 %, three minutes",
        program=GPU,
        loading_s=5,
        dearer=1.1,
        time_limit_s=180,
        verdict="fail",
    ),
    Case(
        name="20 prompts of 64 ms, the last 8 three times as dear",
        program=SERVER,
        request_ms=64,
        late_dearer=3.0,
        verdict="fail",
    ),
    Case(name="a loop, 100,000 times as long", program=LOOP, request_ms=0.02, dearer=1e5, verdict="fail"),
    Case(name="TensorFlow, +31 %", program=TENSORFLOW, dearer=1.31, verdict="fail"),
    Case(name="max: 1 nWh, far below what it takes", budget="1 nWh", verdict="fail"),
    Case(name="12 workloads, nothing changed but a comment", workloads=12, verdict="pass"),
)

SLOW = ("callable, loads for 10 s, +30 %", "callable, loads for 10 s, nothing changed")


@dataclass(frozen=True, kw_only=True)
class Checked:
    """The verdict of one check, the worst of its workloads, with the times and launches that it took."""

    verdict: str
    seconds: float
    command_seconds: float
    launches: int
    log_ratios: list[float]


def check(case: Case) -> Checked:
    """Run one check."""
    with tempfile.TemporaryDirectory() as name:
        base, head = Path(name) / "base", Path(name) / "head"
        for side in (base, head):
            side.mkdir()
            case.write(side, head=side is head)
        environment = dict(os.environ)
        if case.program is GPU:
            build(Path(name))
            environment = GpuMachine(directory=Path(name)).environment("watts=100 period_ms=100")
        result = Path(name) / "result.json"
        command = ["-m", "energygate", "check", "--base-dir", str(base), "--json", str(result), "--quiet"]
        started = time.perf_counter()
        ran = subprocess.run(
            [sys.executable, *command], cwd=head, env=environment, capture_output=True, text=True, check=False
        )
        seconds = time.perf_counter() - started
        if not result.exists():
            sys.exit(ran.stdout + ran.stderr)
        found = json.loads(result.read_text(encoding="utf-8"))
        print(f"  {ran.stdout.strip().splitlines()[0]}  {seconds:.0f} s", file=sys.stderr, flush=True)
        return Checked(
            verdict=found["verdict"],
            seconds=sum(one["provenance"]["seconds"] for one in found["workloads"]),
            command_seconds=seconds,
            launches=max(len(one["provenance"]["launches"]) for one in found["workloads"]),
            log_ratios=[ratio for one in found["workloads"] for ratio in one["comparison"]["log_ratios"]],
        )


def recorded() -> dict[str, list[Checked]]:
    """What was recorded, by case."""
    if not RECORDED.exists():
        return {}
    document = json.loads(RECORDED.read_text(encoding="utf-8"))
    return {name: [Checked(**one) for one in runs] for name, runs in document.items()}


def run(runs: int, only: str) -> None:
    """Run the cases whose names contain a text so often, and record them in place of earlier runs."""
    for case in CASES:
        if only in case.name:
            found = [check(case) for _ in range(runs)]
            document = {name: [asdict(one) for one in some] for name, some in (recorded() | {case.name: found}).items()}
            RECORDED.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def replay_slow_loading(found: dict[str, list[Checked]]) -> None:
    """Print how often +30 % fails where all launches of slow loaders are drawn in random order."""
    scatter = Scatter(kind="one thread")
    sds = {"expected_sd": scatter.ratio_sd(2 * MIN_BLOCKS), "expected_total_sd": scatter.total_sd(2 * MIN_BLOCKS)}
    launches = []
    for name in SLOW:
        ratios = [ratio for run in found.get(name, []) for ratio in run.log_ratios]
        centred = [ratio - statistics.fmean(ratios) for ratio in ratios]
        launches += [
            Measured(ratio=LogRatio(value=one, error=0.0, total=one), seconds=TIME_LIMIT_S / 3, **sds)
            for one in centred
        ]
    if not launches:
        return
    for words, shift, verdict in (("+30 %", math.log(1.3), "fail"), ("nothing changed", 0.0, "pass")):
        right = share(replayed_verdicts(launches, limit=0.05, shift=shift), verdict)
        print(
            f"{len(launches)} launches that load for 10 s, in random order, {words} against 5 %: {right:.0%} {verdict}"
        )


def main() -> int:
    """Print a line per recorded case; returns 1 when a verdict was not right."""
    print(f"{'case':54}{'should':>8}{'is':>12}{'measured':>10}{'in all':>8}{'launches':>10}{'scatter':>9}")
    found = recorded()
    wrong = False
    for case in CASES:
        runs = found.get(case.name, [])
        if not runs:
            continue
        right = sum(one.verdict == case.verdict for one in runs)
        wrong |= right < len(runs)
        measured = statistics.median(one.seconds for one in runs)
        whole = statistics.median(one.command_seconds for one in runs)
        launches = sorted({str(one.launches) for one in runs})
        ratios = [ratio for one in runs for ratio in one.log_ratios]
        scatter = f"{statistics.stdev(ratios):.2%}" if len(ratios) > 1 else "-"
        others = {one.verdict for one in runs} - {case.verdict}
        otherwise = f"   otherwise {', '.join(sorted(others))}" if others else ""
        print(
            f"{case.name:54}{case.verdict:>8}{f'{right} of {len(runs)}':>12}{measured:8.0f} s{whole:6.0f} s"
            f"{', '.join(launches):>10}{scatter:>9}{otherwise}"
        )
    replay_slow_loading(found)
    return int(wrong)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        run(int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "")
    sys.exit(main())
