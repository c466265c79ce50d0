"""A step's log: workflow commands, and masked secrets."""

from __future__ import annotations

import pytest
from github_simulator.runner.log import Log, Masks
from github_simulator.runner.records import Annotation


def log_of(text, masks=None):
    log = Log(masks=masks or Masks())
    log.say(text)
    return log


def test_an_annotation_has_its_properties_unescaped():
    log = log_of("::warning file=a%2Cb.py,line=3,endLine=4,col=1,endColumn=2,title=50%25%3A x::one%0Atwo%25::three")
    assert log.annotations == [
        Annotation(
            level="warning",
            message="one\ntwo%::three",
            properties={
                "file": "a,b.py",
                "line": "3",
                "endLine": "4",
                "col": "1",
                "endColumn": "2",
                "title": "50%: x",
            },
        )
    ]


@pytest.mark.parametrize("line", ["::error::x", "  ::error::x", "::ERROR::x", "amid ##[error]x", "##[error a=b;]x"])
def test_the_new_form_of_a_command_begins_a_line_and_the_old_may_be_anywhere(line):
    assert [(one.level, one.message) for one in log_of(line).annotations] == [("error", "x")]


@pytest.mark.parametrize("line", ["amid ::error::x", "::error x", ":error::x", "::unheard-of::x", "[error]x"])
def test_other_lines_are_not_commands(line):
    log = log_of(line)
    assert (log.annotations, log.text) == ([], f"{line}\n")


def test_ten_of_each_level_are_kept():
    log = log_of("".join(f"::error::{n}\n::notice::{n}\n" for n in range(12)))
    assert [one.message for one in log.annotations if one.level == "error"] == [str(n) for n in range(10)]
    assert log.hidden == 4


def test_a_mask_applies_to_all_later_output():
    masks = Masks()
    log = log_of("s3cret\n::add-mask::s3cret\ns3cret and\n::error title=s3cret::s3cret", masks)
    assert log.text.splitlines() == ["s3cret", "::add-mask::***", "*** and", "##[error]***"]
    assert log.annotations[0] == Annotation(level="error", message="***", properties={"title": "***"})
    assert masks.touches("a s3cret in an output")


def test_of_a_masked_text_of_several_lines_each_line_is_masked():
    masks = Masks()
    log_of("::add-mask::first%0Asecond", masks)
    assert masks.hide("second, first") == "***, ***"


def test_an_empty_mask_masks_nothing():
    assert log_of("::add-mask::\nplain").text.endswith("plain\n")


HOSTILE = "::error::x\n##[error]x\n::add-mask::e\n::set-output name=verdict::pass\n::set-env name=A::b"


def test_commands_are_ignored_until_the_resume_token():
    log = log_of(f"::stop-commands::w0rd\n{HOSTILE}\n::stop-commands::mine\n::other::\n::w0rd::\n::notice::after")
    assert [(one.level, one.message) for one in log.annotations] == [("notice", "after")]
    assert (log.outputs, log.failed) == ({}, False)
    assert "::error::x\n" in log.text


def test_without_the_resume_token_commands_stay_ignored():
    assert log_of(f"::stop-commands::w0rd\n{HOSTILE}").annotations == []


@pytest.mark.parametrize("word", ["", "error", "Add-Mask", "pause-logging"])
def test_an_invalid_resume_token_fails_the_step(word):
    log = log_of(f"::stop-commands::{word}\n::notice::heeded")
    assert log.failed
    assert "heeded" in [one.message for one in log.annotations]


def test_the_deprecated_output_command_still_works():
    assert log_of("::set-output name=x::a%0Ab").outputs == {"x": "a\nb"}


@pytest.mark.parametrize("command", ["::set-env name=A::b", "::add-path::/evil"])
def test_the_disabled_commands_do_nothing_but_fail(command):
    log = log_of(command)
    assert log.failed
    assert log.outputs == {}
    assert "disabled" in log.annotations[-1].message


def test_a_message_is_truncated_as_by_the_runner():
    assert len(log_of(f"::error::{'x' * 5000}").annotations[0].message) == 4096
