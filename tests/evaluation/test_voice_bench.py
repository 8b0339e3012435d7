"""The cheap part of the benchmark runs and measures what it says."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


def test_a_minute_is_measured(repository: Path, tmp_path: Path) -> None:
    script = repository / "scripts" / "voice_bench.py"
    program = (
        f"import sys; sys.path.insert(0, {str(script.parent)!r}); import voice_bench;"
        "from pathlib import Path; import json;"
        f"print(json.dumps(voice_bench._in_own_process(Path({str(tmp_path)!r}), 1.0)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, stdout=subprocess.PIPE, text=True
    )
    told = json.loads(done.stdout)
    assert 20 < told["speech_s"] < 60
    assert min(told[name] for name in ("f0_s", "frames_s", "features_s", "table_mib")) > 0
