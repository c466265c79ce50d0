"""What every kind of workload is to the worker: the attributes and methods that it may be asked for."""

from __future__ import annotations

from .payload_sizes import answer_bytes, arrays_bytes

TYPE_CHECKING = False  # importing `typing` would cost start-up time
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any


class LoadedWorkload:
    """A workload that has been loaded.

    Attributes:
        inputs: Names, types and shapes of what a call takes; `None` where nothing is known of it.
        outputs: The same of what it answers.
        origin: The file that its code was imported from; `None` where there is none.
        versions: Versions of the libraries that serve it.
        counts_own_cpu: Whether this process's CPU time is the workload's; if not, only its children's is.
        observes: Whether `observe` is to be asked after each call.
        takes_requests: Whether its inputs are requests, read by `feeds_of`, and not arrays.
        answers_text: Whether answers are texts, which need no numpy to be written.
        requests: How many requests a call serves, where only the workload itself says so.
    """

    inputs: Any = None
    outputs: Any = None
    origin: str | None = None
    versions: dict[str, str]
    counts_own_cpu = True
    observes = False
    takes_requests = False
    answers_text = False
    requests = 1

    def serve(self, feed: Any) -> Any:
        """Answer one call."""
        raise NotImplementedError

    def loop(self, feeds: Iterator[Any], append: Callable[[int], None], clock: Callable[[], int]) -> None:
        """Answer one call per feed and append the time after each: the measured loop, kept bare."""
        serve = self.serve
        for feed in feeds:
            serve(feed)
            append(clock())

    def observe(self, answer: Any) -> tuple[float, int]:
        """How many units an answer yielded, and when its first piece came (0: it came at once)."""
        raise NotImplementedError

    def request_bytes(self, feed: Any) -> int | None:
        """Bytes of what one call takes; `None` where nothing says what it takes."""
        return arrays_bytes(feed)

    def weigh(self, feed: Any) -> tuple[Any, int | None, int | None]:
        """Answer one call, untimed: the answer, its bytes, and the bytes that leave the machine with it.

        Either is `None` where it is not known. Without a wire between the two nothing leaves but the answer itself.
        """
        answer = self.serve(feed)
        size = answer_bytes(answer)
        return answer, size, size

    def named(self, answer: Any) -> dict[str, Any]:
        """The parts of an answer by name."""
        raise NotImplementedError

    def close(self) -> None:
        """End what the workload runs; what lives in this process ends with it."""
