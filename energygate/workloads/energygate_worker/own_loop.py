"""An event loop of our own, also inside a test that runs on one."""

from __future__ import annotations

import inspect

TYPE_CHECKING = False  # importing `typing` would cost start-up time
if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any


class OwnLoop:
    """An event loop that lives as long as what is measured on it."""

    def __init__(self) -> None:
        import asyncio

        self._asyncio: Any = asyncio
        self._loop = asyncio.new_event_loop()

    def run_until_complete(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine to its end. A loop that runs in this thread stands still meanwhile, as for any call."""
        outer = self._asyncio._get_running_loop()  # noqa: SLF001 - documented for those who write loops
        if outer is None:
            return self._loop.run_until_complete(coroutine)
        task = self._asyncio.current_task(outer)
        if task is not None:
            self._asyncio.tasks._leave_task(outer, task)  # noqa: SLF001 - the same
        self._asyncio._set_running_loop(None)  # noqa: SLF001
        try:
            return self._loop.run_until_complete(coroutine)
        finally:
            self._asyncio._set_running_loop(outer)  # noqa: SLF001
            if task is not None:
                self._asyncio.tasks._enter_task(outer, task)  # noqa: SLF001

    def close(self) -> None:
        """Close it, and what still runs on it."""
        self.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()


def is_async(function: Callable[..., Any]) -> bool:
    """Whether calling it gives a coroutine."""
    return any(map(inspect.iscoroutinefunction, (function, type(function).__call__)))
