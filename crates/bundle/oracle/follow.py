"""Follows a repository written by `examples/write_repository.rs` with python-tuf, an independent client.

Needs `pip install tuf`. Usage: follow.py DIRECTORY. Prints the targets; fails on whatever python-tuf refuses.
"""

import pathlib
import sys
import tempfile
from urllib.parse import unquote, urlparse

from tuf.api.exceptions import DownloadHTTPError
from tuf.ngclient import FetcherInterface, Updater


class FromDisk(FetcherInterface):
    """Reads `file:` URLs; a file that is not there is a 404."""

    def _fetch(self, url):
        path = pathlib.Path(unquote(urlparse(url).path))
        if not path.is_file():
            raise DownloadHTTPError("not found", 404)
        yield path.read_bytes()


def main(directory):
    base = pathlib.Path(directory).resolve()
    with tempfile.TemporaryDirectory() as scratch:
        (pathlib.Path(scratch) / "targets").mkdir()
        updater = Updater(
            metadata_dir=scratch,
            metadata_base_url=f"{base.as_uri()}/metadata/",
            target_dir=f"{scratch}/targets",
            target_base_url=f"{base.as_uri()}/targets/",
            fetcher=FromDisk(),
            bootstrap=(base / "metadata/1.root.json").read_bytes(),
        )
        updater.refresh()
        for name in ["policy/1.json", "policy/2.json", "assignment/rings.json", "revocations/list.json"]:
            info = updater.get_targetinfo(name)
            assert info is not None, f"python-tuf does not find {name}"
            print(name, pathlib.Path(updater.download_target(info)).read_text(encoding="utf-8"))


if __name__ == "__main__":
    main(sys.argv[1])
