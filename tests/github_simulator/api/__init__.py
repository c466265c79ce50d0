"""A simulation of GitHub's API; tests import from `fake_github`."""
