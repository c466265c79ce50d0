"""Text from outside stays text: for the Markdown parser, for GitHub's filters behind it, and for mail."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from energygate.report.safe_markdown import MAX_NAME, WORD_JOINER, code, fenced, link, prose, text

PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])

Z = WORD_JOINER

FRAGMENTS = [
    *(
        "|",
        "`",
        "``",
        "```",
        "~~~",
        "~~",
        "*",
        "**",
        "_",
        "\\",
        "\n",
        "\n\n",
        "\r\n",
        "\t",
        "    ",
        " ",
        "$",
        "$x$",
    ),
    *(
        "# ",
        "\n# ",
        "- ",
        "+ ",
        "1. ",
        "1) ",
        "> ",
        "===",
        "\n---\n",
        "|---|\n",
        "\n| a |\n| --- |\n",
        "[^1]",
        "- [ ] ",
    ),
    *(
        "<b>",
        "</details>",
        "<!--",
        "-->",
        "<img src=x onerror=y>",
        "</sub>",
        "<br>",
        "<https://evil.example>",
    ),
    *("[a](https://evil.example)", "![a](x)", "[a]: https://evil.example\n", "](", "[", "]", "(", ")", "!["),
    *(
        "https://evil.example",
        "HTTPS://evil.example",
        "www.evil.example",
        "mailto:a",
        "a@b.example",
        "xmpp:a",
    ),
    *(
        "@team",
        "@",
        "#123",
        "#",
        "GH-7",
        "gh-",
        "o/r#7",
        "o/r@deadbee",
        "deadbeefdeadbeef",
        ":tada:",
        ":+1:",
        ":",
    ),
    *(
        "\u202e",
        "\u2066",
        "\u200b",
        "\u200f",
        "\u2028",
        "\x00",
        "\x1b[31m",
        "\ufeff",
        "\u3164",
        "e\u0301",
        "\u05d0\u05d1",
        "漢字",
    ),
    *(
        "&lt;",
        "&#64;team",
        "&#124;",
        "&amp;",
        "&",
        ";",
        "::error::",
        "/lgtm",
        " → ",
        " … ",
        "word",
        "x",
        "7",
        "🌈",
        "é",
    ),
]
hostile = st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=5), max_size=12).map("".join)

ACTIVE = {
    "a mention or a mail address": re.compile("@[A-Za-z0-9]"),
    "a reference": re.compile(r"#\d|\bGH-\d", re.IGNORECASE),
    "an address": re.compile(r"://|\bwww\.|\bmailto:\w|\bxmpp:\w", re.IGNORECASE),
    "an emoji": re.compile(r":[\w+-]+:"),
    "a commit": re.compile(r"\b[0-9a-f]{7,40}\b"),
}
"""What GitHub's filters look for in text, as generous as any of them."""


def inline(line):
    """Give the tokens of the paragraph that a line is; it must be nothing else."""
    block = PARSER.parse(line)
    assert [token.type for token in block] == ["paragraph_open", "inline", "paragraph_close"], line
    return block[1].children


def shown(line):
    """Give a line's text as its reader sees it."""
    return "".join(token.content for token in inline(line) if token.type in {"text", "text_special", "code_inline"})


def runs(tokens):
    """Give the stretches of text between code, as the filters see them."""
    stretch = ""
    for token in tokens:
        if token.type in {"code_inline", "html_inline"}:
            yield stretch
            stretch = ""
        else:
            stretch += token.content
    yield stretch


def assert_inert(tokens):
    for token in tokens:
        assert token.type in {"text", "text_special", "code_inline", "html_inline"}, token
        assert token.type != "html_inline" or token.content in {"<span>", "</span>"}, token
    for stretch in runs(tokens):
        assert "\n" not in stretch
        for what, pattern in ACTIVE.items():
            assert not pattern.search(stretch), (what, stretch)


@pytest.mark.parametrize("escape", [text, prose, code])
@given(raw=hostile)
def test_text_is_never_markup(escape, raw):
    assert_inert(inline(f"x {escape(raw)} x"))
    if escape(raw):
        assert_inert(inline(escape(raw)))


@pytest.mark.parametrize("escape", [text, prose, code])
@given(raw=hostile)
def test_no_text_leaves_its_cell(escape, raw):
    tokens = PARSER.parse(f"| a | b |\n| --- | --- |\n| {escape(raw)} | {escape(raw)} |\n\nafter")
    kinds = [token.type for token in tokens]
    assert kinds.count("td_open") == 2
    assert kinds.count("tr_open") == 2
    assert kinds[-4:] == ["table_close", "paragraph_open", "inline", "paragraph_close"]
    for token in tokens:
        assert_inert(token.children or [])


@given(raw=hostile)
def test_no_text_leaves_an_html_block(raw):
    """Inside `<summary>` no Markdown is read: only HTML has to stay text there, on one line."""
    assert not re.search("[<>]|&(?!#\\d+;)", re.sub("</?span>", "", text(raw)))
    assert "\n" not in text(raw)


@given(raw=hostile)
def test_invisible_characters_are_removed(raw):
    """Save for our own word joiners, and isolates around right-to-left letters."""
    for escaped in (text(raw), prose(raw), code(raw)):
        inner = escaped.removeprefix("\u2068").removesuffix("\u2069").replace(Z, "")
        assert not {unicodedata.category(sign) for sign in inner} & {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


@given(lines=st.lists(hostile, max_size=4))
def test_no_line_ends_its_code_block(lines):
    block = fenced(lines, language="text", prefix="| ")
    tokens = PARSER.parse("\n".join([*block, "", "after"]))
    assert [token.type for token in tokens] == ["fence", "paragraph_open", "inline", "paragraph_close"]
    assert len(tokens[0].content.splitlines()) == len(lines)
    assert all(line.startswith("| ") for line in tokens[0].content.splitlines())
    assert not re.search("@[A-Za-z0-9]", tokens[0].content)


@pytest.mark.parametrize(
    ("raw", "escaped"),
    [
        ("digits-cnn: energy per request rose by +33.8 %", "digits-cnn: energy per request rose by +33.8 %"),
        ("1.92 → 2.57 µWh", "1.92 → 2.57 µWh"),
        ("+33.8 % (+32.9 … +34.7)", "+33.8 % (+32.9 … +34.7)"),
        ("1. item", "1&#46; item"),
        ("- item", "&#45; item"),
        ("+ item", "&#43; item"),
        ("a|b", "a&#124;b"),
        ("<b>", "&#60;b&#62;"),
        ("&lt;", "&#38;lt;"),
        ("@team", f"@{Z}team"),
        ("#123", f"&#35;{Z}123"),
        ("GH-123", f"GH-{Z}123"),
        ("https://x.y", f"https:{Z}//x.y"),
        ("www.x.y", f"www{Z}.x.y"),
        (":tada:", f":{Z}tada:"),
        ("3f2a9c1", f"3f2a9c{Z}1"),
        ("a\n\nb\u2028c", "a b c"),
        ("a\u202eb\x00", "a\ufffdb\ufffd"),
        ("⚠\ufe0f", "⚠"),
        ("a" + "\u0301" * 9, "a" + "\u0301" * 3),
        ("$x$", "<span>$</span>x<span>$</span>"),
        ("\u05d0\u05d1 5", "\u2068\u05d0\u05d1 5\u2069"),
        ("", ""),
    ],
)
def test_text(raw, escaped):
    assert text(raw) == escaped


@given(raw=st.text(st.sampled_from("abc XYZ09.,;()'\"/%|<>*[]&\\~!"), max_size=40))
def test_escaped_text_is_displayed_unchanged(raw):
    assert shown(f"({text(raw)})").replace(Z, "") == f"({' '.join(raw.split())})"


@pytest.mark.parametrize(
    ("raw", "escaped"),
    [
        ("needs `time_limit: 60 s` here", "needs `time_limit: 60 s` here"),
        ("one ` alone", "one &#96; alone"),
        ("`a|b`", "a&#124;b"),
        ("@`team`", f"@{Z}`team`"),
        ("``", ""),
    ],
)
def test_backticks_of_a_sentence_mark_code(raw, escaped):
    assert prose(raw) == escaped


@pytest.mark.parametrize(
    ("raw", "escaped"),
    [
        ("digits_cnn <v2>", "`digits_cnn <v2>`"),
        ("o/r#7 https://x.y deadbeef", "`o/r#7 https://x.y deadbeef`"),
        ("a`b", "a&#96;b"),
        ("a|b", "a&#124;b"),
        ("@team", f"`@{Z}team`"),
        (" ", ""),
    ],
)
def test_names_are_code_that_can_be_copied(raw, escaped):
    assert code(raw) == escaped


def test_long_texts_end_in_an_ellipsis():
    assert code("n" * 61) == f"`{'n' * 59}…`"
    assert code("n" * MAX_NAME) == f"`{'n' * MAX_NAME}`"
    assert text("a b", limit=2) == "a…"


@pytest.mark.parametrize(
    ("url", "written"),
    [
        (
            "https://github.com/o/r/actions/runs/1?a=b&c=%20#x",
            "[run](<https://github.com/o/r/actions/runs/1?a=b&c=%20#x>)",
        ),
        ("https://x.y/>) [a](z", "[run](<https://x.y/%3E%29%20%5Ba%5D%28z>)"),
        ("https://x.y/\n\u202e|`", "[run](<https://x.y/%0A%E2%80%AE%7C%60>)"),
        ("javascript:alert(1)", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_links_point_to_the_address_shown(url, written):
    assert link("run", url) == written


@given(url=hostile)
def test_a_link_cannot_contain_another(url):
    tokens = inline(link("run", f"https://x.y/{url}"))
    assert [token.type for token in tokens] == ["link_open", "text", "link_close"]
    assert tokens[0].attrs["href"].startswith("https://x.y/")
