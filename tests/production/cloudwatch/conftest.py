"""An AWS account for each test that asks for one, and stacks in it."""

from __future__ import annotations

import pytest
from aws_account import ACCOUNT, REGION, Account
from cloudwatch_policies import template
from moto import mock_aws


@pytest.fixture
def account(tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setenv("MOTO_ACCOUNT_ID", ACCOUNT)
    with mock_aws():
        yield Account(tmp_path)


@pytest.fixture
def deployed(account):
    """Makes a thing and the stack that answers for it; returns both."""

    def deploy(kind, **parameters):
        thing = kind(account)
        thing.create()
        account.deploy(template(kind.answer), **{**kind.parameters, "DryRun": "false", **parameters})
        answer = account.answer()
        answer.client = thing.client
        return thing, answer

    return deploy
