"""Names of files that a pull request may bring."""

from __future__ import annotations

import os

NASTY_NAMES = [
    "with space.py",
    'with"quote.py',
    "with'quote.py",
    "with\\backslash.py",
    "with\nnewline.py",
    "with\ttab.py",
    "-rf",
    "--upload-pack=touch pwned",
    ":(top)magic",
    "ünï-中.py",
    "*.py",
    os.fsdecode(b"not-utf8-\xff.py"),
]
