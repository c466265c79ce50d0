"""A step's log, read as the runner reads it: workflow commands, and secrets that are masked.

After `ActionCommandManager` and `ActionCommand` of the runner: a command of the newer form begins its line, one of
the older form `##[name k=v;]text` may stand anywhere in it; both are ignored between `::stop-commands::` and its word.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from github_simulator.runner.records import Annotation

MOST_ANNOTATIONS = 10
"""Of each level in a step; the runner drops more."""

LONGEST_MESSAGE = 4096
"""Characters of an annotation that the runner keeps."""

MASK = "***"

_LEVELS = frozenset({"error", "warning", "notice"})
_DISABLED = frozenset({"set-env", "add-path"})
_QUIET = frozenset({"group", "endgroup", "debug", "echo", "add-matcher", "remove-matcher", "internal-set-repo-path"})
_COMMANDS = _LEVELS | _DISABLED | _QUIET | {"add-mask", "stop-commands", "set-output", "save-state"}

_NEWER = re.compile(r"\s*::(?P<name>[^\s:]+)(?: (?P<properties>(?:(?!::).)*))?::(?P<data>.*)", re.DOTALL)
_OLDER = re.compile(r"##\[(?P<name>[^\s\]]+)(?: (?P<properties>[^\]]*))?\](?P<data>.*)", re.DOTALL)
_ANNOTATED = ("title", "file", "line", "endLine", "col", "endColumn")


class Masks:
    """The texts of one job that its log must not show."""

    def __init__(self) -> None:
        self._texts: set[str] = set()

    def add(self, text: str) -> None:
        """Mask a text from now on; of several lines, each."""
        self._texts |= {line for line in [text, *text.splitlines()] if line.strip()}

    def hide(self, text: str) -> str:
        """Return the text without what is masked."""
        for secret in sorted(self._texts, key=len, reverse=True):
            text = text.replace(secret, MASK)
        return text

    def touches(self, text: str) -> bool:
        """Tell whether something in the text is masked."""
        return self.hide(text) != text


@dataclass
class Log:
    """What one step said, line by line.

    Attributes:
        masks: The job's.
        text: What is kept of it.
        annotations: Those the runner keeps.
        hidden: How many it dropped.
        outputs: Those set by the deprecated `::set-output::`, which still works.
        failed: A command that the runner refuses makes the step fail.
    """

    masks: Masks
    text: str = ""
    annotations: list[Annotation] = field(default_factory=list)
    hidden: int = 0
    outputs: dict[str, str] = field(default_factory=dict)
    failed: bool = False
    _resume_word: str | None = None

    def say(self, text: str) -> None:
        """Take what the step printed."""
        for line in text.splitlines():
            if not self._heed(line):
                self.note(line)

    def note(self, line: str) -> None:
        """Keep a line as it is, whatever it looks like."""
        self.text += self.masks.hide(line) + "\n"

    def complain(self, message: str) -> None:
        """Note an error of the runner's own, or of an action that is none of bash."""
        self.annotate("error", message)

    def annotate(self, level: str, message: str, properties: dict[str, str] | None = None) -> None:
        """Keep a message beside the run, as long as there are few."""
        self.note(f"##[{level}]{message}")
        if sum(one.level == level for one in self.annotations) >= MOST_ANNOTATIONS:
            self.hidden += 1
            return
        shown = self.masks.hide(message)[:LONGEST_MESSAGE]
        named = {name: self.masks.hide(value) for name, value in (properties or {}).items() if name in _ANNOTATED}
        self.annotations.append(Annotation(level=level, message=shown, properties=named))

    def _heed(self, line: str) -> bool:
        """Do what a line says if it is a command; tell whether the line itself is done with."""
        found = self._command(line)
        if found is None:
            return False
        name, properties, data = found
        if self._resume_word is not None:
            if name.lower() == self._resume_word.lower():
                self._resume_word = None
                self.note(line)
                return True
            return False
        if name == "stop-commands":
            return self._stop(line, data)
        if name == "add-mask":
            self.masks.add(data)
            self.note(line)
        elif name in _LEVELS:
            self.annotate(name, data, properties)
        elif name == "set-output":
            self.outputs[properties.get("name", "")] = data
        elif name in _DISABLED:
            self.complain(f"Unable to process command '{line.strip()}' successfully.")
            self.complain(f"The `{name}` command is disabled.")
            self.failed = True
        elif name in _QUIET:
            self.note(line)
        return True

    def _stop(self, line: str, word: str) -> bool:
        if not word or word.lower() in _COMMANDS or word.lower() == "pause-logging":
            self.complain(f"Invalid stopToken: '{word}'")
            self.failed = True
            return True
        self._resume_word = word
        self.note(line)
        return True

    def _command(self, line: str) -> tuple[str, dict[str, str], str] | None:
        known = _COMMANDS | ({self._resume_word.lower()} if self._resume_word else set())
        if (match := _NEWER.fullmatch(line)) and match["name"].lower() in known:
            pairs, escapes = (match["properties"] or "").split(","), _NEWER_ESCAPES
        elif (match := _OLDER.search(line)) and match["name"].lower() in known:
            pairs, escapes = (match["properties"] or "").split(";"), _OLDER_ESCAPES
        else:
            return None
        named = [pair.strip().split("=", 1) for pair in pairs if "=" in pair]
        data_escapes = [one for one in escapes if one[0] not in _PROPERTY_ONLY]
        return (
            match["name"].lower(),
            {name: _unescaped(value, escapes) for name, value in named},
            _unescaped(match["data"], data_escapes),
        )


_PROPERTY_ONLY = frozenset({"%3A", "%2C", "%3B", "%5D"})
_NEWER_ESCAPES = [("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")]
_OLDER_ESCAPES = [("%3B", ";"), ("%0D", "\r"), ("%0A", "\n"), ("%5D", "]"), ("%25", "%")]


def _unescaped(text: str, escapes: list[tuple[str, str]]) -> str:
    for escaped, plain in escapes:
        text = text.replace(escaped, plain)
    return text
