"""The samples are what `scripts/make_samples` speaks."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


def test_the_committed_samples_are_spoken_anew(repository: Path) -> None:
    if not shutil.which("flite"):
        pytest.skip("flite is not installed")
    command = [sys.executable, str(repository / "scripts" / "make_samples.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
