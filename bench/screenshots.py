"""What comments look like on GitHub: pictures in light and dark, at the width of a screen and of a phone.

    npm pack github-markdown-css && tar xzf github-markdown-css-*.tgz
    uv run python bench/screenshots.py OUT --css package [--result result.json] [KIND...]

Markdown becomes HTML by GitHub's own cmark-gfm, is cleaned as GitHub does it (only its tags and attributes stay), and
gets GitHub's style sheet, and a headless Chromium takes the pictures. What GitHub's filters do afterwards with
mentions, references and emoji names is not imitated: tests/report/test_markdown_escaping.py covers them.
"""

from __future__ import annotations

import argparse
import html
import json
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

import cmarkgfm
from cmarkgfm.cmark import Options
from comment_samples import CRASH, SAMPLES

from energygate.forge.github.sticky_comment import Marker, room_for_text
from energygate.report.markdown import comment, comment_without_result, summary
from energygate.result.result import Result

RUN_URL = "https://github.com/octo/digits/actions/runs/4711"
MARKER = Marker(key="default", run_id=4711, attempt=1, sha="8c1f02d4a6b8c0d2e4f60718293a4b5c6d7e8f90")

WIDTHS = {"desktop": 880, "phone": 390}
THEMES = {"light": "#ffffff", "dark": "#0d1117"}
MAX_HEIGHT = 6_000

TAGS = frozenset(
    (  # noqa: SIM905 - a list of sixty quoted words is not easier to read
        "h1 h2 h3 h4 h5 h6 br b i strong em a pre code img tt div ins del sup sub p picture ol ul "
        "table thead tbody tfoot blockquote dl dt dd kbd q samp var hr ruby rt rp li tr td th s strike summary details "
        "caption figure figcaption abbr bdo cite dfn mark small source span time wbr"
    ).split()
)
"""What GitHub lets through, as its html-pipeline listed it."""

ATTRIBUTES = frozenset({"href", "src", "align", "open", "alt", "title", "lang", "start", "type", "checked"})
REMOVED_WHOLE = frozenset({"script", "style"})
FRAME = """<!doctype html><meta charset="utf-8"><style>{css}
body {{ margin: 0; background: {background}; font-family: -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; }}
main {{ padding: 16px; }}
.box {{ border: 1px solid #8886; border-radius: 6px; }}
.top {{ padding: 8px 16px; font-size: 14px; color: #888; border-bottom: 1px solid #8886; }}
.markdown-body {{ padding: 16px; font-size: 14px; border-radius: 6px; }}
</style><main><div class="box"><div class="top"><b>github-actions</b> bot commented</div>
<article class="markdown-body">{body}</article></div></main>"""
"""A comment in its box; GitHub sets comments in 14 px."""


class Cleaned(HTMLParser):
    """HTML without what GitHub removes."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.kept: list[str] = []
        self._inside_removed = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep a tag that is allowed, with the attributes that are."""
        self._inside_removed += tag in REMOVED_WHOLE
        if tag in TAGS:
            kept = "".join(f' {name}="{html.escape(value or "")}"' for name, value in attrs if name in ATTRIBUTES)
            self.kept.append(f"<{tag}{kept}>")

    def handle_endtag(self, tag: str) -> None:
        """Keep the end of a tag that is allowed."""
        self._inside_removed -= tag in REMOVED_WHOLE
        if tag in TAGS:
            self.kept.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        """Keep text."""
        if not self._inside_removed:
            self.kept.append(data)

    def handle_entityref(self, name: str) -> None:
        """Keep a named entity."""
        self.kept.append(f"&{name};")

    def handle_charref(self, name: str) -> None:
        """Keep a numbered entity."""
        self.kept.append(f"&#{name};")


def rendered(markdown: str, *, unfolded: bool) -> str:
    """The HTML that GitHub would make of a comment, in which a line's end is a line's end."""
    options = Options.CMARK_OPT_UNSAFE | Options.CMARK_OPT_HARDBREAKS | Options.CMARK_OPT_GITHUB_PRE_LANG
    parser = Cleaned()
    parser.feed(cmarkgfm.github_flavored_markdown_to_html(markdown, options))
    parser.close()
    body = "".join(parser.kept)
    return body.replace("<details>", "<details open>") if unfolded else body


@dataclass(frozen=True, kw_only=True)
class Picture:
    """One comment, one width, one theme."""

    name: str
    width: int
    page: str


def texts(chosen: list[str], results: list[Path]) -> dict[str, str]:
    """The comments to look at, by their names."""
    room = room_for_text(MARKER)
    found = {name: make() for name, make in SAMPLES.items()}
    found |= {path.stem: Result.model_validate_json(path.read_bytes()) for path in results}
    written = {name: comment(one, run_url=RUN_URL, limit=room) for name, one in found.items()}
    written["summary"] = summary(found["fail"])
    written["no-result-policy"] = comment_without_result(
        "energygate.yml:7: `max_incraese` is no key of a budget",
        hint="Did you mean `max_increase`?",
        detail=None,
        run_url=RUN_URL,
        exit_code=2,
        limit=room,
    )
    written["no-result-crash"] = comment_without_result(
        "the setup of head failed: `pip install -r requirements.txt` ended with exit code 1",
        hint="The setup runs in the working tree of each side; try it there",
        detail=CRASH,
        run_url=RUN_URL,
        exit_code=3,
        limit=room,
    )
    return {name: text for name, text in written.items() if not chosen or name in chosen}


def chromium(program: str, arguments: list[str]) -> str:
    """What a headless Chromium prints."""
    flags = ["--no-sandbox", "--headless=new", "--disable-gpu", "--hide-scrollbars"]
    ran = subprocess.run([program, *flags, *arguments], capture_output=True, text=True, check=True, timeout=120)
    return ran.stdout


def heights(program: str, pictures: list[Picture], directory: Path) -> list[int]:
    """How tall each page is at its width, in pixels. Frames, as a window of Chromium is never narrower than 500."""
    frames = "".join(
        f'<iframe width="{one.width}" height="10" srcdoc="{html.escape(one.page)}"></iframe>' for one in pictures
    )
    script = (
        "onload = () => document.body.textContent = JSON.stringify([...document.querySelectorAll('iframe')]"
        ".map(frame => frame.contentDocument.querySelector('main').offsetHeight))"
    )
    (directory / "all.html").write_text(f"<body>{frames}</body><script>{script}</script>", encoding="utf-8")
    printed = chromium(program, ["--dump-dom", (directory / "all.html").as_uri()])
    found = re.search(r"<body>(\[[\d,]*\])", printed)
    if found is None:
        raise SystemExit("Chromium did not say how tall the pages are")
    return [int(one) for one in json.loads(found[1])]


def shoot(program: str, target: Path, pictures: list[tuple[Picture, int]], *, scale: float, directory: Path) -> None:
    """Take one picture of pages side by side, each as tall as it is."""
    frames = "".join(
        f'<iframe style="border:0" width="{one.width}" height="{height}" srcdoc="{html.escape(one.page)}"></iframe>'
        for one, height in pictures
    )
    page = directory / "page.html"
    style = "margin:0; display:flex; align-items:flex-start; background:#888"
    page.write_text(f'<!doctype html><body style="{style}">{frames}</body>', encoding="utf-8")
    width, height = (
        sum(one.width for one, _ in pictures),
        min(MAX_HEIGHT, max(height for _, height in pictures)),
    )
    size = [f"--window-size={width},{height}", f"--force-device-scale-factor={scale:g}"]
    chromium(program, [*size, f"--screenshot={target}", page.as_uri()])
    print(f"{target.stem:<40} {width} x {height}")


def main() -> int:
    """Take all pictures that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("kinds", nargs="*", help=f"of {', '.join(SAMPLES)}, summary, no-result-*; default: all")
    parser.add_argument("--css", type=Path, required=True, help="the folder of github-markdown-css")
    parser.add_argument("--result", type=Path, action="append", default=[], help="a real result.json, too")
    parser.add_argument("--width", choices=WIDTHS, action="append", help="default: both")
    parser.add_argument("--theme", choices=THEMES, action="append", help="default: both")
    parser.add_argument("--unfolded", action="store_true", help="with all details open")
    parser.add_argument("--sheet", action="store_true", help="one picture of them all, side by side")
    parser.add_argument("--scale", type=float, default=1.0, help="pixels of the picture per pixel of the page")
    parser.add_argument("--chromium", default="chromium")
    given = parser.parse_intermixed_args()
    given.out.mkdir(parents=True, exist_ok=True)
    pictures = []
    for name, text in texts(given.kinds, given.result).items():
        (given.out / f"{name}.md").write_text(text, encoding="utf-8")
        for theme in given.theme or THEMES:
            css = (given.css / f"github-markdown-{theme}.css").read_text(encoding="utf-8")
            body = rendered(text, unfolded=given.unfolded)
            page = FRAME.format(css=css, background=THEMES[theme], body=body)
            pictures += [
                Picture(name=f"{name}-{width}-{theme}", width=WIDTHS[width], page=page)
                for width in given.width or WIDTHS
            ]
    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(scratch)
        tall = heights(given.chromium, pictures, directory)
        sized = list(zip(pictures, tall, strict=True))
        sheets = {"sheet": sized} if given.sheet else {one.name: [(one, height)] for one, height in sized}
        for name, some in sheets.items():
            target = given.out / f"{name}.png"
            shoot(given.chromium, target, some, scale=given.scale, directory=directory)
    return 0


if __name__ == "__main__":
    sys.exit(main())
