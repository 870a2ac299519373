"""The hash of a file."""

import pytest

from scenes.base.digest import file_sha256


def test_a_file_is_known_by_its_content(tmp_path):
    # sha256sum of the bytes "abc", FIPS 180-2's first example.
    (tmp_path / "a").write_bytes(b"abc")
    assert file_sha256(tmp_path / "a") == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )


def test_a_missing_file_has_none(tmp_path):
    with pytest.raises(FileNotFoundError, match="missing"):
        file_sha256(tmp_path / "missing")
