"""Files that somebody has changed and sealed again: whole by their checksum, but not as written."""

import hashlib

import h5py

from impo.results import hdf5


def seal(content):
    """Return the bytes of a file with a valid seal in place of the one that it has, if any."""
    for found in hdf5._SEAL.finditer(content):
        start, end = found.span()
        blank = f"impo-sha256:{'0' * 64}:{len(content):016d}".encode()
        bare = content[:start] + blank + content[end:]
        digits = hashlib.sha256(bare).hexdigest().encode()
        return content[:start] + blank.replace(b"0" * 64, digits) + content[end:]
    return content


def reseal(path, change):
    """Change a file, given as an `h5py.File`, and seal it again."""
    with h5py.File(path, "r+") as file:
        change(file)
    path.write_bytes(seal(path.read_bytes()))
