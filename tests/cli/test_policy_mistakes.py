"""An invalid policy: exit code 2, one sentence that names the line, and nothing is measured."""

from __future__ import annotations

import pytest

HEAD = "version: 1\n"
WORKLOAD = "workloads:\n  spin:\n    python: spinning:spin_4ms\n"
BUDGET = WORKLOAD + "    budgets:\n      energy_per_request: "
BOMB = "\n".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12))


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (HEAD + WORKLOAD + "  ]", 5, ("YAML",)),
        (HEAD + "\tsite:", 2, ("YAML",)),
        ("just text", 1, ("mapping",)),
        (HEAD + "sitr: {pue: 1.2}\n" + WORKLOAD, 2, ("'sitr'", "'site'")),
        (HEAD + WORKLOAD + "    threds: 1\n", 5, ("'threds'", "'threads'")),
        (HEAD + WORKLOAD + "    budgets:\n      energy_per_reqest: 1 Wh\n", 6, ("'energy_per_request'",)),
        (HEAD + BUDGET + "0.2\n", 6, ("0.2", "unit")),
        (HEAD + BUDGET + "{max: 5 parsecs}\n", 6, ("parsecs",)),
        (HEAD + BUDGET + "{max: 5 gCO2e}\n", 6, ("5 gCO2e",)),
        (HEAD + "a0: &a0 x\n" + BOMB + "\n", None, ()),
        (HEAD + WORKLOAD + "  spin:\n    python: spinning:spin_8ms\n", 5, ("'spin'",)),
        (HEAD + "site: {pue: 0}\n" + WORKLOAD, 2, ("PUE", "1.0", "not 0")),
        (HEAD + "site: {pue: -1}\n" + WORKLOAD, 2, ("PUE", "not -1")),
        (HEAD + "site: {pue: 0.9}\n" + WORKLOAD, 2, ("PUE", "not 0.9")),
        (HEAD + "site: {pue: NaN}\n" + WORKLOAD, 2, ("PUE", "not NaN")),
        (HEAD + "site: {pue: .nan}\n" + WORKLOAD, 2, ("PUE", "not .nan")),
        (HEAD + 'site: {pue: "abc"}\n' + WORKLOAD, 2, ("PUE", "not abc")),
        (HEAD + "site: {carbon: {country: ZZZ}}\n" + WORKLOAD, 2, ("'ZZZ'",)),
        (HEAD + "site:\n  carbon: {cloud: aws/eu-central-9}\n" + WORKLOAD, 3, ("'aws/eu-central-9'",)),
        ("version: 2\n" + WORKLOAD, 1, ("2",)),
        (HEAD + "workloads: {}\n", 2, ("workloads",)),
    ],
)
def test_a_mistake_is_one_sentence_with_its_line(tmp_path, in_process, text, line, words):
    (tmp_path / "energygate.yml").write_text(text, encoding="utf-8")
    ran = in_process("check", cwd=tmp_path)
    assert (ran.code, ran.out) == (2, ""), ran.said
    (sentence,) = ran.err.splitlines()
    place = "energygate.yml:" if line is None else f"energygate.yml:{line}: "
    assert sentence.startswith(f"energygate: {place}"), sentence
    assert [word for word in words if word not in sentence] == [], sentence
    assert len(sentence) < 400


def test_several_mistakes_are_a_line_each(tmp_path, in_process):
    text = HEAD + "site: {pue: 0}\n" + BUDGET + "{max: 5 parsecs}\n"
    (tmp_path / "energygate.yml").write_text(text, encoding="utf-8")
    ran = in_process("check", cwd=tmp_path)
    assert ran.code == 2
    assert [line.split(": ")[:2] for line in ran.err.splitlines()] == [
        ["energygate", "energygate.yml:2"],
        ["energygate", "energygate.yml:7"],
    ]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, ("there is no such policy", "energygate init")),
        (b"", ("empty",)),
        (b"\xff\xfe\x00", ("UTF-8",)),
    ],
)
def test_a_policy_that_cannot_be_read_is_named(tmp_path, in_process, content, words):
    if content is not None:
        (tmp_path / "mine.yml").write_bytes(content)
    ran = in_process("check", "--policy", "mine.yml", cwd=tmp_path)
    assert (ran.code, ran.out) == (2, "")
    (sentence,) = ran.err.splitlines()
    assert sentence.startswith("energygate: mine.yml")
    assert [word for word in words if word not in sentence] == []
