"""The engine under steady traffic asks nothing of the kernel: a real instance, watched by strace and perf."""

import json
import shutil
import subprocess
import sys

import pytest


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed (apt-get install strace)")
def test_engine_when_traffic_is_steady_makes_no_system_call_per_message():
    run = subprocess.run([sys.executable, "-m", "ringfence.bench", "hot_path", "--quick", "--json"], capture_output=True, text=True, check=False, timeout=110)
    assert run.returncode == 0, run.stderr
    report = json.loads(run.stdout)
    assert report["bench"] == "hot_path"
    found = {(row["name"], row["peer"], row["metric"]): row["ours"] for row in report["rows"]}
    messages = next(value for (name, peer, _), value in found.items() if name.startswith("messages in") and peer.startswith("strace"))
    assert messages > 100, f"too little traffic to tell: {messages} messages"
    assert found["system calls", "strace -c -f", "count"] < messages / 100
