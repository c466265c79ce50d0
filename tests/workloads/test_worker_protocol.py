"""A worker without errors: it serves in order, counts its CPU time, freezes, and ends when it should."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from parallel import repeated
from sample_models import identity

from energygate.workloads import worker as worker_module
from energygate.workloads.worker import WORKER

PATIENCE_S = 60


def answers_of(started, path, *, count=100):
    started.outputs(path, count=count)
    with np.load(path) as archive:
        return {name: archive[name].tolist() for name in archive.files}


# --- Serving -----------------------------------------------------------------------------------------------


def test_a_callable_serves_its_inputs_in_order_and_again_from_the_first(loaded, app, checkout, tmp_path):
    serving = loaded(
        app("""
            seen = []
            def make():
                def request(number):
                    seen.append(int(number[0]))
                    return len(seen), list(seen)
                return request
        """)
    )
    np.savez(checkout / "in.npz", number=np.array([10, 20, 30]), label=np.array([1, 2, 3]))
    assert serving.bind(Path("in.npz"), leave_out=["label"], batch_size=1) == 3
    assert len(serving.run(2).latencies_ns) == 2
    serving.run(2)  # goes on where the last window ended
    answers = answers_of(serving, tmp_path / "out.npz", count=1)
    assert answers == {"0": [5], "1": [[10, 20, 30, 10, 10]]}


def test_a_seed_decides_the_order_in_which_inputs_are_served_but_not_that_of_answers(loaded, app, checkout, tmp_path):
    source = """
        seen = []
        def make():
            def request(number):
                seen.append(int(number[0]))
                return int(number[0]), list(seen)
            return request
    """
    np.savez(checkout / "in.npz", number=np.arange(50))
    orders = []
    for seed in (1, 1, 2):
        serving = loaded(app(source))
        assert serving.bind(Path("in.npz"), leave_out=[], batch_size=1, seed=seed) == 50
        serving.run(60)
        answers = answers_of(serving, tmp_path / "out.npz", count=1)
        assert answers["0"] == [0]
        orders.append(answers["1"][0][:60])
    for order in orders:
        assert sorted(order[:50]) == list(range(50))
        assert order[50:] == order[:10]
        assert order[:50] != list(range(50))
    assert orders[0] == orders[1] != orders[2]


def test_an_onnx_model_says_what_it_takes_and_answers_by_name(worker, onnx_file, checkout, tmp_path):
    started = worker()
    says = started.load(**onnx_file(identity(("batch", 3), answer="scores")), timeout_s=PATIENCE_S)
    assert [(one.name, one.type, one.shape) for one in says.inputs] == [("x", "tensor(float)", ("batch", 3))]
    assert set(says.versions) == {"python", "numpy", "onnxruntime"}
    assert says.cpu_ns > 0
    assert says.wall_ns > 0
    values = np.arange(21, dtype=np.float32).reshape(7, 3)
    np.savez(checkout / "in.npz", x=values)
    assert started.bind(Path("in.npz"), leave_out=[], batch_size=2) == 3  # the seventh fills no batch
    assert started.run(10).failed == ()
    answers = answers_of(started, tmp_path / "out.npz")
    assert answers == {"scores": values[:6].reshape(3, 2, 3).tolist()}
    assert started.shut_down() > 10_000_000  # an interpreter with onnxruntime takes more than 10 MB


@pytest.mark.parametrize(
    ("request_", "answers"),
    [
        *repeated(("lambda: 7", {"answer": [7]})),
        ("lambda: 'word'", {"answer": ["word"]}),
        ("lambda: {'file': 1, 'self': 2, 'a/b:0': 3}", {"file": [1], "self": [2], "a/b:0": [3]}),
        ("lambda: ([1.5, 2.5], True)", {"0": [[1.5, 2.5]], "1": [True]}),
        ("coroutine", {"answer": [5]}),
        ("Served()", {"answer": [6]}),
        *repeated(("lambda: 0", {"answer": [0]})),  # false is not nothing
    ],
)
def test_whatever_a_callable_is_and_answers(loaded, app, tmp_path, request_, answers):
    serving = loaded(
        app(f"""
            import asyncio
            async def coroutine():
                await asyncio.sleep(0)
                return 5
            class Served:
                async def __call__(self):
                    return 6
            def make():
                return {request_}
        """)
    )
    assert serving.run(3).first_failure is None
    assert answers_of(serving, tmp_path / "out.npz") == answers


def test_latencies_are_one_per_call_and_add_up_to_the_window(loaded, app):
    serving = loaded(
        app("""
            import itertools, time
            def make():
                turn = itertools.cycle([1, 4])
                def request():
                    end = time.perf_counter_ns() + next(turn) * 10**6
                    while time.perf_counter_ns() < end: pass
                    return True
                return request
        """)
    )
    served = serving.run(20)
    assert len(served.latencies_ns) == 20
    assert sum(served.latencies_ns) == served.wall_ns
    assert all(latency >= 10**6 for latency in served.latencies_ns[0::2])
    assert all(latency >= 4 * 10**6 for latency in served.latencies_ns[1::2])


def test_failed_requests_are_counted_where_they_are_and_the_rest_is_served(loaded, app):
    serving = loaded(
        app("""
            import itertools
            def make():
                count = itertools.count(1)
                def request():
                    if (number := next(count)) % 4 == 0:
                        raise OSError(f"number {number}")
                    return number
                return request
        """)
    )
    serving.run(5, tolerant=True)
    served = serving.run(10, tolerant=True)  # requests 6 to 15
    assert served.failed == (2, 6)
    assert served.first_failure == "request 8 raised OSError: number 8"
    assert len(served.latencies_ns) == 10


# --- The environment under test ----------------------------------------------------------------------------


def test_the_users_modules_come_first_and_ours_are_not_there(loaded, app, checkout, tmp_path):
    files = [*WORKER.parent.glob("*.py"), *WORKER.parent.parent.glob("*.py")]
    ours = sorted({path.stem for path in files} - {"__init__", "__main__"})
    for name in ours:
        checkout.joinpath(f"{name}.py").write_text("OWNER = 'the user'\n", encoding="utf-8")
    package = checkout / "deep" / "er"
    package.mkdir(parents=True)
    source = "from importlib import import_module\nclass Make:\n    @staticmethod\n    def make():\n"
    source += f"        return lambda: [import_module(name).OWNER for name in {ours}]\n"
    app("", name="deep/er/__init__.py")
    serving = loaded(app(source, name="deep/er/app.py", target="deep.er.app:Make.make"))
    assert answers_of(serving, tmp_path / "out.npz") == {"answer": [["the user"] * len(ours)]}


def test_no_file_of_the_worker_shadows_a_standard_module():
    # The directory that holds the worker's package is first in sys.path while it imports the standard library.
    assert not {path.stem for path in WORKER.parent.parent.iterdir()} & sys.stdlib_module_names


def test_threads_arguments_and_working_directory_are_the_workloads(loaded, app, checkout, tmp_path):
    serving = loaded(
        app("""
            import os, sys
            def make():
                return lambda: (os.environ["OMP_NUM_THREADS"], os.getcwd(), len(sys.argv), sys.stdin.read())
        """)
    )
    answers = answers_of(serving, tmp_path / "out.npz")
    assert answers == {"0": ["1"], "1": [str(checkout)], "2": [1], "3": [""]}


def test_only_the_standard_library_is_imported_before_the_workload(loaded, app, tmp_path):
    source = "import sys\nMODULES = sorted(sys.modules)\ndef make():\n    return lambda: ' '.join(MODULES)\n"
    serving = loaded(app(source))
    modules = answers_of(serving, tmp_path / "out.npz")["answer"][0].split()
    # What site-packages bring in through .pth files is there without us, too.
    bare = subprocess.run(
        [sys.executable, "-c", "import sys; print(*sys.modules)"], capture_output=True, text=True, check=True
    )
    tops = {name.partition(".")[0] for name in set(modules) - set(bare.stdout.split())}
    assert "json" in tops
    assert tops - sys.stdlib_module_names == {"app", "energygate_worker"}


def test_the_protocol_is_lines_of_json_that_any_program_can_speak(app, checkout):
    workload = app("print('noise')\ndef make():\n    return lambda: print('noise') or 1\n")
    commands = [
        {"id": 1, "do": "load", **workload},
        {"id": 2, "do": "run", "count": 3, "tolerant": False},
        {"id": 3, "do": "shut_down"},
    ]
    done = subprocess.run(
        [sys.executable, WORKER, json.dumps({"parent_pid": os.getpid(), "cpus": []})],
        input="".join(json.dumps(command) + "\n" for command in commands),
        capture_output=True,
        text=True,
        check=True,
        cwd=checkout,
        timeout=PATIENCE_S,
    )
    replies = [json.loads(line) for line in done.stdout.splitlines()]
    assert [reply["id"] for reply in replies] == [1, 2, 3]
    assert all(set(reply) == {"id", "ok"} for reply in replies)
    assert done.stderr.split() == ["noise"] * 4


def test_a_reply_sent_just_before_exit_is_not_lost(loaded, app):
    serving = loaded(app("def make():\n    return int"))
    replies = serving._replies

    class Late:
        """Has nothing until the worker has ended, and then only for who waits longer than for a look."""

        put = replies.put

        def get(self, timeout):
            serving._commands.close()  # nothing more is asked of it
            serving._process.wait(PATIENCE_S)
            if timeout <= worker_module.LIVENESS_SECONDS:
                raise queue.Empty
            return replies.get(timeout=PATIENCE_S)

    serving._replies = Late()
    assert serving.shut_down() > 0
