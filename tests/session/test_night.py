"""A small night, killed three times: `scripts/night` runs the whole one."""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_a_killed_night_ends_like_a_calm_one(repository: Path) -> None:
    command = [sys.executable, str(repository / "scripts" / "night.py"), "--quick", "--kills", "3"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "both nights came to the same" in done.stdout
