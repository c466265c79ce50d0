"""The content of the first stage's artifact: honest archives are read, and hostile ones refused."""

from __future__ import annotations

import binascii
import io
import random
import stat
import struct
import tracemalloc
import zipfile
import zlib
from dataclasses import dataclass

import pytest
from github_simulator.api.fake_github import zip_of

from energygate.errors import MeasurementError
from energygate.forge.github.artifact import MAX_ENTRIES, result_in
from energygate.result.reading import MAX_BYTES, read_result

RESULT = b'{"schema": "energygate/result/1"}'
WHERE = "artifact energygate-result of run 11"
LIMIT = 100_000
BOMB = 30_000_000
MB = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A file in an archive, and its metadata: true unless given."""

    name: bytes = b"result.json"
    content: bytes = RESULT
    method: int = zipfile.ZIP_DEFLATED
    packed: bytes | None = None
    size: int | None = None
    checksum: int | None = None
    flags: int = 0
    mode: int = stat.S_IFREG | 0o644
    extra: bytes = b""
    inside: bytes | None = None
    """Its name beside the content; in the directory it is `name`."""

    @property
    def said(self):
        """Flags, method, time, date, checksum and sizes: alike in the directory and beside the content."""
        checksum = binascii.crc32(self.content) if self.checksum is None else self.checksum
        size = len(self.content) if self.size is None else self.size
        return struct.pack("<HHHHLLL", self.flags, self.method, 0, 33, checksum, len(self.data), size)

    @property
    def data(self):
        if self.packed is not None:
            return self.packed
        return deflated(self.content) if self.method == zipfile.ZIP_DEFLATED else self.content


def deflated(content):
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(content) + packer.flush()


def archive(*entries, comment=b""):
    """Build an archive byte by byte: `zipfile` would not write most of these."""
    body, directory = b"", b""
    for one in entries:
        inside = one.name if one.inside is None else one.inside
        directory += b"PK\1\2" + struct.pack("<BBH", 20, 3, 20) + one.said
        lengths = (len(one.name), len(one.extra), 0, 0, 0, one.mode << 16, len(body))
        directory += struct.pack("<HHHHHLL", *lengths) + one.name + one.extra
        body += b"PK\3\4" + struct.pack("<H", 20) + one.said + struct.pack("<HH", len(inside), 0)
        body += inside + one.data
    return body + directory + end_of(len(entries), len(directory), len(body), comment)


def end_of(count, size, offset, comment=b""):
    return b"PK\5\6" + struct.pack("<HHHHLLH", 0, 0, count, count, size, offset, len(comment)) + comment


def refused(data, *words, limit_bytes=LIMIT):
    """Expect the archive to be refused, and check what holds for every refusal: one short printable sentence."""
    with pytest.raises(MeasurementError) as caught:
        result_in(data, where=WHERE, limit_bytes=limit_bytes)
    said = str(caught.value)
    assert said.startswith(f"{WHERE}: ")
    assert said.isprintable()
    assert len(said) < 400
    assert caught.value.__cause__ is None
    for word in words:
        assert word in said
    return said


def peak_bytes(work):
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


# What an honest run leaves.


def test_the_one_file_is_returned_as_it_is():
    assert result_in(archive(Entry()), where=WHERE) == RESULT


def streamed():
    """As GitHub's upload writes it: sizes come behind the content, as the archive is sent while it is made."""

    class Pipe(io.RawIOBase):
        def writable(self):
            return True

        def write(self, data):
            sent.extend(data)
            return len(data)

    sent = bytearray()
    with zipfile.ZipFile(Pipe(), "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("result.json", RESULT)
    return bytes(sent)


def of_64_bits():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made, made.open("result.json", "w", force_zip64=True) as file:
        file.write(RESULT)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        zip_of({"result.json": RESULT}),
        archive(Entry(method=zipfile.ZIP_STORED)),
        archive(Entry(mode=0)),
        archive(Entry(), comment=b"made by hand"),
        streamed(),
        of_64_bits(),
    ],
    ids=["usual", "stored", "from Windows", "with a comment", "streamed", "of 64 bits"],
)
def test_archives_of_all_common_writers_are_read(data):
    assert result_in(data, where=WHERE) == RESULT


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537, LIMIT])
def test_a_file_may_be_as_long_as_its_limit(size):
    content = random.Random(size).randbytes(size)  # noqa: S311 - the same each time
    assert result_in(archive(Entry(content=content)), where=WHERE, limit_bytes=LIMIT) == content


# Other things than the one file.


@pytest.mark.parametrize(
    "name",
    [
        "../result.json",
        "/result.json",
        "/etc/passwd",
        "a/result.json",
        "result.json/",
        "./result.json",
        "C:\\result.json",
        "..\\result.json",
        "RESULT.JSON",
        "result.json ",
        "result.json\0.exe",
        "\0result.json",
        "",
        "comment.md",
        "bomb.zip",
    ],
)
def test_a_file_of_another_name_is_refused(name):
    refused(archive(Entry(name=name.encode())), "it contains the file '", "a zip archive of result.json alone")
    refused(archive(Entry(), Entry(name=name.encode())), "it contains the file '")


@pytest.mark.parametrize(
    "name",
    [
        "\u202enosj.tluser",
        "x\n::error::forged",
        "\x1b[31mred",
        "\r##[error]",
        "n" * 60_000,
        "\u2028",
        "\ufffe",
    ],
)
def test_a_name_cannot_write_into_the_log(name):
    said = refused(archive(Entry(name=name.encode(), flags=0x800)), "it contains the file '")
    assert name not in said


@pytest.mark.parametrize("name", [b"\xff\xfe", b"\x80" * 300])
def test_an_undecodable_name_is_refused(name):
    refused(archive(Entry(name=name, flags=0x800)))
    refused(archive(Entry(name=name)))


def test_a_name_overridden_by_an_extra_field_is_refused():
    # Some readers take the Unicode path of the field 0x7075 for the name; ours must not depend on which do.
    other = b"\1" + struct.pack("<L", binascii.crc32(b"other.json")) + b"result.json"
    extra = struct.pack("<HH", 0x7075, len(other)) + other
    refused(archive(Entry(name=b"other.json", extra=extra)), "it contains the file 'other.json'")


def test_a_name_that_differs_in_the_local_header_is_refused():
    refused(archive(Entry(inside=b"../other.js")), "not a complete zip archive")


def test_a_duplicate_file_is_refused():
    refused(archive(Entry(), Entry(content=b"{}")), "it contains result.json 2 times")


def test_an_empty_archive_is_refused():
    refused(archive(), "it is empty")


@pytest.mark.parametrize(
    "mode",
    [stat.S_IFLNK | 0o777, stat.S_IFDIR | 0o755, stat.S_IFIFO | 0o600, stat.S_IFCHR | 0o600, stat.S_IFSOCK],
)
def test_a_link_is_refused(mode):
    refused(archive(Entry(content=b"/etc/passwd", mode=mode)), "is not a regular file")


@pytest.mark.parametrize("flags", [0x1, 0x41, 0x801])
def test_an_encrypted_file_is_refused(flags):
    refused(archive(Entry(flags=flags)), "is encrypted")


@pytest.mark.parametrize("method", [1, 9, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, 93, 99])
def test_a_file_of_another_compression_is_refused(method):
    refused(archive(Entry(method=method)), "is compressed by a method")


# Not an archive, or not a complete zip archive.


@pytest.mark.parametrize("data", [b"", b"PK", RESULT, b"\x1f\x8b" + bytes(100), bytes(100), end_of(1, 46, 0)])
def test_what_is_no_archive_is_refused(data):
    refused(data, "it is not a complete zip archive")


def test_an_archive_that_breaks_off_anywhere_is_refused():
    whole = archive(Entry(content=bytes(range(256)) * 3))
    for length in range(len(whole)):
        refused(whole[:length])


def test_a_wrong_checksum_is_refused():
    refused(archive(Entry(checksum=1)), "not a complete zip archive")


def test_a_file_shorter_than_it_says_is_refused():
    refused(archive(Entry(size=len(RESULT) + 1)), "result.json in it is incomplete")


def test_a_file_longer_than_it_says_is_refused():
    refused(archive(Entry(size=len(RESULT) - 1)), "not a complete zip archive")


@pytest.mark.parametrize("packed", [b"", b"\xff" * 40, deflated(RESULT)[:-4]])
def test_what_cannot_be_inflated_is_refused(packed):
    refused(archive(Entry(packed=packed)))


def test_whatever_is_changed_in_an_archive_it_is_the_result_or_one_sentence():
    chance = random.Random(20_260_301)  # noqa: S311 - the same each time
    whole = archive(Entry(extra=struct.pack("<HHQ", 1, 8, 0)))
    read = 0
    for _ in range(4_000):
        damaged = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            damaged[chance.randrange(len(damaged))] = chance.choice([0, 1, 0xFF, chance.randrange(256)])
        try:
            assert result_in(bytes(damaged), where=WHERE, limit_bytes=LIMIT) == RESULT
            read += 1
        except MeasurementError as error:
            assert str(error).isprintable()  # noqa: PT017 - either way is right
    assert 0 < read < 4_000


# More than anyone wants to read; memory is bounded by what the limit is, and not by what the archive holds.


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ({}, "larger than 0 MB"),
        ({"size": LIMIT}, "not a complete zip archive"),
        ({"size": 0}, "not a complete zip archive"),
        ({"size": 2**32 - 2}, "larger than 0 MB"),
        # What the first bytes are, it says; the rest never comes out.
        ({"size": LIMIT, "checksum": binascii.crc32(bytes(LIMIT))}, None),
    ],
    ids=["honest", "as small as allowed", "nothing", "larger", "with a checksum that fits"],
)
def test_a_bomb_does_not_go_off(said, word):
    data = archive(Entry(content=bytes(BOMB), **said))
    assert len(data) < BOMB / 500
    outcome = []

    def work():
        try:
            outcome.append(result_in(data, where=WHERE, limit_bytes=LIMIT))
        except MeasurementError as error:
            outcome.append(str(error))

    assert peak_bytes(work) < 5 * LIMIT
    assert outcome == [bytes(LIMIT)] if word is None else word in outcome[0]


def test_a_bomb_in_an_archive_in_an_archive_is_not_opened():
    inner = archive(Entry(content=bytes(BOMB)))
    refused(archive(Entry(name=b"bomb.zip", content=inner)), "it contains the file 'bomb.zip'")
    data = archive(Entry(content=inner, method=zipfile.ZIP_STORED))
    assert peak_bytes(lambda: result_in(data, where=WHERE, limit_bytes=LIMIT)) < 5 * LIMIT
    with pytest.raises(MeasurementError, match="not UTF-8"):
        read_result(result_in(data, where=WHERE, limit_bytes=LIMIT), name=WHERE)


def test_a_text_of_50_mb_is_not_inflated():
    data = archive(Entry(content=b'"' + b"x" * 50 * MB + b'"'))
    assert peak_bytes(lambda: refused(data, "larger than 20 MB", limit_bytes=MAX_BYTES)) < MB


def test_the_longest_result_fits_into_a_few_times_its_size():
    data = archive(Entry(content=b" " * MAX_BYTES))
    assert peak_bytes(lambda: result_in(data, where=WHERE)) < 3 * MAX_BYTES


@pytest.mark.parametrize("count", [MAX_ENTRIES + 1, 1_000_000])
def test_a_million_files_are_not_even_listed(count):
    one = b"PK\1\2" + struct.pack("<BBH", 20, 3, 20) + Entry().said
    one += struct.pack("<HHHHHLL", 1, 0, 0, 0, 0, 0, 0) + b"x"
    data = one * count + end_of(min(count, 0xFFFF), len(one) * count, 0)
    assert peak_bytes(lambda: refused(data, f"lists more than {MAX_ENTRIES} files")) < MB


def test_a_count_that_lies_hides_no_files():
    hidden = archive(*[Entry(name=b"%d" % number) for number in range(50)])
    refused(hidden[:-22] + end_of(1, *struct.unpack("<LL", hidden[-10:-2])), "lists more than")


def test_a_directory_said_to_have_gigabytes_is_not_waited_for():
    data = archive(Entry())
    refused(data[:-22] + end_of(1, 2**32 - 2, 0))
    refused(data[:-22] + end_of(1, 46, 2**32 - 2))


@pytest.mark.parametrize(
    "content",
    ['{"schema": 1}'.encode("utf-16"), '{"schema": 1}'.encode("utf-32"), b"\xff\xfe\x00", b"\xc3("],
)
def test_a_result_of_another_encoding_is_refused_by_who_reads_it(content):
    data = archive(Entry(content=content))
    with pytest.raises(MeasurementError, match="this is not a readable result: it is not"):
        read_result(result_in(data, where=WHERE), name=WHERE)


@pytest.mark.parametrize("offset", [2**64 - 1, 2**63, 2**63 - 1, 2**40])
def test_64_bits_that_lead_nowhere_are_refused(offset):
    extra = struct.pack("<HHQQQ", 1, 24, len(RESULT), len(deflated(RESULT)), offset)
    whole = bytearray(archive(Entry(extra=extra)))
    entry = whole.index(b"PK\1\2")
    whole[entry + 20 : entry + 28] = b"\xff" * 8
    whole[entry + 42 : entry + 46] = b"\xff" * 4
    refused(bytes(whole))


@pytest.mark.parametrize("offset", [2**64 - 1, 2**63, 2**40])
def test_a_directory_of_64_bits_that_lies_elsewhere_is_refused(offset):
    large = b"PK\6\6" + struct.pack("<QHHLLQQQQ", 44, 45, 45, 0, 0, 1, 1, 57, offset)
    locator = b"PK\6\7" + struct.pack("<LQL", 0, 0, 1)
    refused(large + locator + end_of(0xFFFF, 2**32 - 1, 2**32 - 1))
