"""The `${{ }}` language, by the examples of GitHub's documentation and the rules it states."""

from __future__ import annotations

import math

import pytest
from github_simulator.runner.expression_syntax import ExpressionError
from github_simulator.runner.expression_values import Known
from github_simulator.runner.expressions import (
    Scope,
    evaluate,
    holds,
    interpolate,
    interpolate_all,
    interpolate_text,
    references,
)

CONTEXTS = {
    "github": {
        "ref": "refs/heads/main",
        "event_name": "push",
        "event": {
            "issue": {"labels": [{"name": "bug"}, {"name": "help wanted"}, {"id": 3}], "user": None},
            "number": 7,
        },
    },
    "env": {"production": "true", "EMPTY": ""},
    "inputs": Known("inputs", {"policy": "energygate.yml", "Mixed-Case": "x"}, ["later"]),
    # From GitHub's documentation of object filters.
    "vegetables": {
        "scallions": {"colors": ["green", "white", "red"], "ediblePortions": ["roots", "stalks"]},
        "beets": {"colors": ["purple", "red"], "ediblePortions": ["roots", "stems", "leaves"]},
        "artichokes": {"colors": ["green", "purple", "red"], "ediblePortions": ["hearts", "stems"]},
    },
    "fruits": [{"name": "apple", "quantity": 1}, {"name": "orange", "quantity": 2}, {"name": "pear"}],
}


@pytest.fixture
def scope(tmp_path):
    return Scope(contexts=CONTEXTS, workspace=tmp_path)


def status(**values):
    return {name: lambda value=value: value for name, value in values.items()}


NORMAL = status(success=True, failure=False, cancelled=False, always=True)
FAILED = status(success=False, failure=True, cancelled=False, always=True)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("null", None),
        ("false", False),
        ("711", 711),
        ("-9.2", -9.2),
        ("0xff", 255),
        ("-2.99e-2", -0.0299),
        ("'Mona the Octocat'", "Mona the Octocat"),
        ("'It''s open source!'", "It's open source!"),
    ],
)
def test_literals(text, value, scope):
    assert evaluate(text, scope) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("github.ref", "refs/heads/main"),
        ("GITHUB.Ref", "refs/heads/main"),
        ("github['event']['number']", 7),
        ("inputs.mixed-case", "x"),
        ("github.event.issue.labels[1].name", "help wanted"),
        ("github.event.issue.labels[9].name", None),
        ("github.event.pull_request.head.sha", None),
        ("github.event.issue.user.login", None),
        ("github.event.number.nothing", None),
        ("fruits.*.name", ["apple", "orange", "pear"]),
        ("fruits[*].quantity", [1, 2]),
        ("github.event.issue.labels.*.name", ["bug", "help wanted"]),
        (
            "vegetables.*.ediblePortions",
            [["roots", "stalks"], ["roots", "stems", "leaves"], ["hearts", "stems"]],
        ),
    ],
)
def test_contexts_are_read_by_name_index_and_filter(text, value, scope):
    assert evaluate(text, scope) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        # What GitHub says of unlike kinds: both become numbers.
        ("null == 0", True),
        ("true == 1", True),
        ("'' == 0", True),
        ("' 12 ' == 12", True),
        ("'0xff' == 255", True),
        ("'x' == 0", False),
        ("'x' != 0", True),
        ("null == ''", True),
        ("false == 'false'", False),
        ("NaN == NaN", False),
        ("'Main' == 'mAIN'", True),
        ("'a' < 'B'", True),
        ("'10' < '9'", True),
        ("'10' < 9", False),
        ("2 >= 2", True),
        ("2 > 2", False),
        ("1 <= 'x'", False),
        ("github.event == github.event", True),
        ("github.event == fruits", False),
        # And, or and their precedence.
        ("'yes' && 'really'", "really"),
        ("'' && 'really'", ""),
        ("0 || 'default'", "default"),
        ("'a' || 'b'", "a"),
        (
            "github.ref == 'refs/heads/main' && 'value_for_main_branch' || 'value_for_other_branches'",
            "value_for_main_branch",
        ),
        ("true || false && false", True),
        ("(true || false) && false", False),
        ("!true == false", True),
        ("!!'x'", True),
        ("!fromJSON('[]')", False),
        ("env.EMPTY || env.missing || 'neither'", "neither"),
    ],
)
def test_operators_coerce_as_github_says(text, value, scope):
    assert evaluate(text, scope) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("contains('Hello world', 'llo')", True),
        ("contains('Hello world', 'LLO')", True),
        ("contains(github.event.issue.labels.*.name, 'bug')", True),
        ("contains(github.event.issue.labels.*.name, 'BUG')", True),
        ("contains(github.event.issue.labels.*.name, 'bu')", False),
        ('contains(fromJSON(\'["push", "pull_request"]\'), github.event_name)', True),
        ("contains('123', 2)", True),
        ("startsWith('Hello world', 'he')", True),
        ("endsWith('Hello world', 'LD')", True),
        ("endsWith('Hello world', 'he')", False),
        ("format('Hello {0} {1} {2}', 'Mona', 'the', 'Octocat')", "Hello Mona the Octocat"),
        ("format('{{Hello {0} {1} {2}!}}', 'Mona', 'the', 'Octocat')", "{Hello Mona the Octocat!}"),
        ("format('{0}{0}', 1.50)", "1.51.5"),
        ("join(github.event.issue.labels.*.name, ', ')", "bug, help wanted"),
        ("join(fromJSON('[1, null, true]'))", "1,,true"),
        ("join('alone', '; ')", "alone"),
        ("toJSON('x')", '"x"'),
        ("toJSON(fromJSON('{\"a\": [1, 2.5]}'))", '{\n  "a": [\n    1,\n    2.5\n  ]\n}'),
        ('fromJSON(\'{"include": [{"project": "foo"}]}\').include[0].project', "foo"),
        ("fromJSON('true')", True),
        ("case(github.ref == 'x', 'a', github.event_name == 'push', 'b', 'c')", "b"),
        ("case(false, 'a', 'c')", "c"),
    ],
)
def test_functions_do_what_the_documentation_shows(text, value, scope):
    assert evaluate(text, scope) == value


def test_files_are_hashed_by_what_is_in_them_and_by_nothing_else(tmp_path, scope):
    (tmp_path / "lib").mkdir()
    (tmp_path / "a.lock").write_text("1")
    (tmp_path / "lib" / "b.lock").write_text("2")
    both = evaluate("hashFiles('**/*.lock')", scope)
    assert len(both) == 64
    assert evaluate("hashFiles('**/*.lock', '!lib/**')", scope) == evaluate("hashFiles('a.lock')", scope) != both
    assert evaluate("hashFiles('**/none')", scope) == ""
    (tmp_path / "lib" / "b.lock").write_text("3")
    assert evaluate("hashFiles('**/*.lock')", scope) != both


@pytest.mark.parametrize(
    "text",
    [
        "gihub.ref",
        "inputs.polcy",
        "inputs['polcy']",
        "unheard('x')",
        "success()",
        "contains('x')",
        "format('{0} {1}', 'x')",
        "format('{x}', 'x')",
        "fromJSON('')",
        "fromJSON('{')",
        "case(true, 'a')",
        "case('true', 'a', 'b')",
        "github.",
        "github.ref ==",
        "(github.ref",
        "github.ref github.ref",
        '"double quotes"',
        "'open",
        "1 + 1",
        "",
        "12abc",
        "github.ref = 'x'",
    ],
)
def test_invalid_and_silently_empty_expressions_are_errors(text, scope):
    with pytest.raises(ExpressionError):
        evaluate(text, scope)


def test_an_error_lists_the_known_names(scope):
    with pytest.raises(ExpressionError, match=r"inputs has no polcy; it has policy, Mixed-Case, later"):
        evaluate("inputs.polcy", scope)


def test_a_name_without_a_value_yet_is_allowed(scope):
    assert evaluate("inputs.later", scope) is None


def test_hash_files_is_not_available_everywhere():
    with pytest.raises(ExpressionError, match="hashFiles"):
        evaluate("hashFiles('x')", Scope(contexts=CONTEXTS))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plain", "plain"),
        ("${{ 3 }}", 3),
        (" ${{ 3 }}", " 3"),
        ("a${{ 'b' }}c${{ null }}d${{ true }}", "abcdtrue"),
        ("${{ '}}' }} stays", "}} stays"),
        ("${{ format('{0}''s', 'it') }}!", "it's!"),
        ("$ {{ no }}", "$ {{ no }}"),
        ("${{ 1e20 }} ${{ 0.1 }} ${{ 3.0 }}", "1E+20 0.1 3"),
    ],
)
def test_expressions_amid_text_become_text(text, value, scope):
    assert interpolate(text, scope) == value


def test_an_unterminated_expression_is_an_error(scope):
    with pytest.raises(ExpressionError, match="does not end"):
        interpolate("a ${{ 'b' ", scope)


def test_a_list_instead_of_a_text_is_an_error(scope):
    with pytest.raises(ExpressionError, match="toJSON"):
        interpolate_text("${{ fruits }}", scope)
    with pytest.raises(ExpressionError, match="toJSON"):
        interpolate("fruits: ${{ fruits }}", scope)


def test_trees_keep_the_kinds_of_lone_expressions(scope):
    tree = {"matrix": "${{ fromJSON('{\"a\": [1]}') }}", "${{ 'n' }}ame": ["${{ true }}", 4, None]}
    assert interpolate_all(tree, scope) == {"matrix": {"a": [1]}, "name": [True, 4, None]}


def test_references_are_listed_without_their_braces():
    assert references("a ${{ inputs.x }} ${{ format('}}', b) }} $x") == ["inputs.x", "format('}}', b)"]


@pytest.mark.parametrize(
    ("condition", "before", "value"),
    [
        (None, NORMAL, True),
        (None, FAILED, False),
        ("", FAILED, False),
        ("github.event_name == 'push'", NORMAL, True),
        ("github.event_name == 'push'", FAILED, False),
        ("${{ github.event_name == 'push' }}", FAILED, False),
        ("${{ github.event_name == 'push' && success() }}", NORMAL, True),
        ("always()", FAILED, True),
        ("Always()", FAILED, True),
        ("${{ !cancelled() }}", FAILED, True),
        ("!cancelled() && github.event_name == 'push'", FAILED, True),
        ("failure() && github.ref == 'x'", FAILED, False),
        ("contains(fromJSON('[true]'), failure())", FAILED, True),
        ("'success() is only a text'", FAILED, False),
        (True, NORMAL, True),
        (True, FAILED, False),
        (False, NORMAL, False),
        ("env.production", NORMAL, True),
        ("'false'", NORMAL, True),
    ],
)
def test_a_condition_implies_success_unless_it_has_a_status_function(condition, before, value):
    assert holds(condition, Scope(contexts=CONTEXTS, status=before)) is value


@pytest.mark.parametrize("condition", ["${{ github.ref }} == 'x'", "${{ true }} && ${{ false }}", "not ${{ true }}"])
def test_a_condition_that_would_always_be_true_is_an_error(condition):
    with pytest.raises(ExpressionError, match="always true"):
        holds(condition, Scope(contexts=CONTEXTS, status=NORMAL))


def test_nan_is_false(scope):
    assert math.isnan(evaluate("NaN", scope))
    assert evaluate("NaN || 'x'", scope) == "x"
