"""The daemon under pytest: pytest test_daemon.py"""

import os
import subprocess

DAEMON = os.environ.get("DAEMON", os.path.join(os.path.dirname(__file__), "../reclaim-daemon.sh"))


def test_asks_the_largest_in_the_background(proc):
    subprocess.run(["sh", DAEMON, proc.path, str(1 << 20)], check=True)
    assert proc.kb(1234, "RssAnon") == 0
    assert proc.kb(1201, "VmSwap") == 0
    assert proc.read("reclaimfs/check") == "ok\n"
