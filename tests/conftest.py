"""Fixtures that every test may use."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A busy machine is no failure: a property is about what holds, not how fast.
settings.register_profile("tether", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tether")

pytest_plugins = ("processed_sessions",)

ROOT = Path(__file__).resolve().parent.parent

WHOLE = {
    "process": {"subprocess"},
    "session": {"flagged", "Workbench", "Rehearsal", "CliRunner", "tether", "served"},
}
"""Names by which a module of tests tells that it starts processes, or processes whole sessions."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what `scripts/test unit` leaves out, by what a test asks for and its module names."""
    for item in items:
        if not isinstance(item, pytest.Function):
            continue
        if "chromium" in item.fixturenames:
            item.add_marker("browser")
        if "shared_data" in item.fixturenames:  # real recordings are long
            item.add_marker("slow")
        for mark, names in WHOLE.items():
            if names & vars(item.module).keys():
                item.add_marker(mark)


@pytest.fixture(scope="session")
def repository() -> Path:
    """Root of the checkout."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real recordings and transcripts beside the checkout; absent on most machines."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("no shared/data beside the checkout")
    return folder


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MB."""
    if os.geteuid() != 0:
        pytest.skip("mounting needs root")
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("no mount here")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)
