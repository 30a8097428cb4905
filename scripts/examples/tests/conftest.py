"""A fixture for pytest: a mounted machine with a manual clock, fresh for each test. RECLAIMFS: the command."""

import os
import shlex
import subprocess
import tempfile

import pytest

RECLAIMFS = shlex.split(os.environ.get("RECLAIMFS", "reclaimfs"))


class Proc:
    def __init__(self, path):
        self.path = path

    def read(self, name):
        with open(os.path.join(self.path, name)) as file:
            return file.read()

    def apply(self, steps):
        with open(os.path.join(self.path, "reclaimfs/control"), "w") as file:
            file.write(steps)

    def kb(self, pid, key):
        for line in self.read(f"{pid}/status").splitlines():
            if line.startswith(key + ":"):
                return int(line.split()[1])
        raise KeyError(key)


@pytest.fixture
def proc(request):
    marker = request.node.get_closest_marker("scenario")
    with tempfile.TemporaryDirectory() as path:
        scenario = marker.args[0] if marker else "default"
        subprocess.run([*RECLAIMFS, "mount", path, "--clock", "manual", "--scenario", scenario], check=True)
        try:
            yield Proc(path)
        finally:
            subprocess.run([*RECLAIMFS, "umount", path], check=True)


def pytest_configure(config):
    config.addinivalue_line("markers", "scenario(name): the scenario of the machine")
