"""Follows the repositories that `oracles DIRECTORY` wrote with python-tuf, the reference client.

Usage: follow.py DIRECTORY, with the package `tuf` installed. Fails where python-tuf does not do what the attack table says.
"""

import datetime
import json
import pathlib
import shutil
import sys
import tempfile
from urllib.parse import unquote, urlparse

from tuf.api.exceptions import DownloadHTTPError, DownloadLengthMismatchError, RepositoryError
from tuf.ngclient import FetcherInterface, Updater


class FromDisk(FetcherInterface):
    """Reads `file:` URLs; a file that is not there is a 404."""

    def _fetch(self, url):
        path = pathlib.Path(unquote(urlparse(url).path))
        if not path.is_file():
            raise DownloadHTTPError("not found", 404)
        yield path.read_bytes()


def follow(state, root, scratch, now):
    """One start of a client with the state of the server and what it kept from the start before."""
    updater = Updater(
        metadata_dir=str(scratch / "metadata"),
        metadata_base_url=f"{state.as_uri()}/metadata/",
        target_dir=str(scratch / "targets"),
        target_base_url=f"{state.as_uri()}/targets/",
        fetcher=FromDisk(),
        bootstrap=root,
    )
    # Expiry is judged by the scenario's clock and not by this machine's.
    updater._trusted_set.reference_time = now
    updater.refresh()
    listed = updater._trusted_set.targets.targets
    newest = max((name for name in listed if name.startswith("policy/")), default="policy/1.json")
    for name in ["assignment/rings.json", "revocations/list.json", newest]:
        info = updater.get_targetinfo(name)
        if info is None:
            raise RepositoryError(f"no {name}")
        updater.download_target(info)


def spoil(kind, kept, older):
    """Does to the metadata that the client keeps what the scenario says."""
    for path in kept.glob("*.json"):
        if path.is_symlink() or not path.is_file():
            continue
        body = path.read_bytes()
        middle = len(body) // 2
        if kind == "lost":
            path.unlink()
        elif kind == "truncated":
            path.write_bytes(body[:middle])
        elif kind == "altered":
            path.write_bytes(body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :])
        else:
            path.write_bytes((older / path.name).read_bytes())


def play(folder):
    """Nothing if the last state is accepted, else the exception; raises if an honest one before it is not."""
    about = json.loads((folder / "scenario.json").read_text())
    now = datetime.datetime.fromtimestamp(about["now"], datetime.timezone.utc)
    root = (folder / "0/metadata/1.root.json").read_bytes()
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        (scratch / "metadata").mkdir()
        (scratch / "targets").mkdir()
        last = about["states"] - 1
        for at in range(last):
            follow(folder / str(at), root, scratch, now)
            if at == 0:
                shutil.copytree(scratch / "metadata", scratch / "older")
        if about["spoil"]:
            spoil(about["spoil"], scratch / "metadata", scratch / "older")
        try:
            follow(folder / str(last), root, scratch, now)
        except (RepositoryError, DownloadHTTPError, DownloadLengthMismatchError) as error:
            return about, error
        return about, None


def main(directory):
    """Plays every scenario."""
    wrong = 0
    folders = sorted(path for path in pathlib.Path(directory).resolve().iterdir() if path.is_dir())
    assert folders, f"no scenario in {directory}"
    for folder in folders:
        about, refused = play(folder)
        kind = type(refused).__name__ if refused else None
        print(f"{about['name']:<66} {f'{kind}: {refused}' if refused else 'accepts'}"[:160])
        if about["accepts"]:
            right, should = refused is None, "accepts this"
        else:
            right, should = kind in about["refused_as"], f"refuses this with {' or '.join(about['refused_as'])}"
        if not right:
            print(f"  the attack table says that python-tuf {should}")
            wrong += 1
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main(sys.argv[1])
