"""Forms of what a workload runs: factories, addresses, node ids of tests."""

from __future__ import annotations

import re

_DOTTED = r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*"
FACTORY_PATTERN = rf"^{_DOTTED}:{_DOTTED}$"
NODE_ID_PATTERN = r"^[^-@/\\].*::.+$"
URL_PATTERN = r"^http://(?:localhost|127(?:\.[0-9]{1,3}){3}|\[::1\])(?::(?:[0-9]{1,5}|\{port\}))?(?:/\S*)?$"
HTTP_PORT = 80
MAX_PORT = 65_535
MAX_OCTET = 255


def factory(text: str) -> str:
    """Return a callable's factory, `module:function`, unchanged.

    Raises:
        ValueError: One sentence.
    """
    if not re.fullmatch(FACTORY_PATTERN, text):
        raise ValueError(f"'{text}' is not a factory; write module:function, for example my_package.serving:make_model")
    return text


def node_id(text: str) -> str:
    """Return a test's node id unchanged: a file of this checkout, and the test in it.

    Raises:
        ValueError: One sentence.
    """
    if not text.isprintable():
        raise ValueError("contains a line break or another unprintable character; write plain text")
    file, _, test = text.partition("::")
    if not test or not re.match(NODE_ID_PATTERN, text):
        raise ValueError(
            f"'{text}' is not a node id; write file::test, for example tests/test_energy.py::test_classify"
        )
    if ".." in re.split(r"[/\\]", file) or file[1:2] == ":":
        raise ValueError(f"'{text}' leads out of the checkout; write a path relative to the policy")
    return text


def url(text: str) -> str:
    """Return an endpoint's address on this machine unchanged.

    Raises:
        ValueError: One sentence.
    """
    if text.startswith("https:"):
        raise ValueError(f"'{text}' is https; write http: TLS is unnecessary on localhost")
    if not re.fullmatch(URL_PATTERN, text) or not _is_address(text):
        raise ValueError(
            f"'{text}' is not an address on this machine; write for example http://127.0.0.1:{{port}}/v1/completions: "
            "the energy of a server on another host cannot be measured here"
        )
    return text


def path(text: str) -> str:
    """Return the path of an address unchanged.

    Raises:
        ValueError: One sentence.
    """
    if not text.startswith("/"):
        raise ValueError(f"'{text}' is not a path; write for example /health")
    return text


def fixed_port(text: str) -> int | None:
    """Return the port that an address names; `None` for a free one."""
    host = _host(text)
    if "{port}" in host:
        return None
    return int(host.rpartition(":")[2]) if re.search(r":[0-9]+$", host) else HTTP_PORT


def _host(text: str) -> str:
    """Return host and port of a URL: `127.0.0.1:8000`; of an IPv6 address only its end, with the port."""
    return text.removeprefix("http://").partition("/")[0].removeprefix("[:")


def _is_address(text: str) -> bool:
    """Return whether the octets and the port of a URL are in range."""
    name, _, port = _host(text).rpartition(":") if ":" in _host(text) else (_host(text), "", "")
    octets = [int(octet) for octet in name.split(".") if octet.isdigit()]
    return max(octets, default=0) <= MAX_OCTET and (not port.isdigit() or 0 < int(port) <= MAX_PORT)
