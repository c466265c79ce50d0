"""A Python callable as a workload."""

from __future__ import annotations

import importlib
import inspect
import os
import sys

from .calls import Calls
from .own_loop import OwnLoop, is_async
from .troubles import Trouble, deed

TYPE_CHECKING = False  # importing `typing` would cost start-up time
if TYPE_CHECKING:
    from typing import Any


class PythonCallable(Calls):
    """A function that serves one request, made by the user's factory `package.module:factory`."""

    def __init__(self, spec: dict[str, Any]) -> None:
        target = spec["target"]
        module_name, _, factory_name = target.partition(":")
        try:
            factory: Any = importlib.import_module(module_name)
        except BaseException as error:  # a script without a main guard may well call sys.exit
            if isinstance(error, ModuleNotFoundError) and (module_name + ".").startswith("%s." % error.name):
                message = "there is no module %s in %s, nor in the environment of %s"
                raise Trouble(message % (error.name, os.getcwd(), sys.executable)) from None
            raise Trouble(
                "%s cannot be imported with %s: it %s" % (module_name, sys.executable, deed(error))
            ) from error
        self.origin = getattr(factory, "__file__", None)
        try:
            for part in factory_name.split("."):
                factory = getattr(factory, part)
        except AttributeError as error:
            raise Trouble("%s does not exist: %s" % (target, error)) from None
        try:
            function = factory()
        except BaseException as error:
            raise Trouble("the factory %s %s" % (target, deed(error))) from error
        if inspect.isawaitable(function) or not callable(function):
            raise Trouble(
                "%s returned %s; it must return the function that serves one request"
                % (target, "nothing" if function is None else type(function).__name__)
            )
        super().__init__(function, OwnLoop() if is_async(function) else None, spec.get("units"))
