"""The rooms of the stand-in of GitHub's API; tests take what they need from `fake_github`."""
