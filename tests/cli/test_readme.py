"""The README's first block, run as it stands by somebody who has only emp: no Redis on PATH, an empty directory."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from emp_core import embedded
from tests.generated import ROOT


@pytest.mark.timeout(300)
def test_first_block_of_the_readme_runs_without_redis(tmp_path: Path) -> None:
    (block,) = [text for text in _blocks() if text.startswith("emp hub start -d")]
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "emp").symlink_to(Path(sys.executable).with_name("emp"))
    home = tmp_path / "home"
    home.mkdir()
    environ = {
        "PATH": str(programs),
        "HOME": str(home),
        "HUB_PORT": "0",
        "TMPDIR": os.environ["TMPDIR"],
    }
    done = subprocess.run(
        ["/bin/sh", "-exc", block], cwd=home, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "no Redis found: started an embedded valkey" in done.stderr
    assert embedded.find(home / ".local" / "share" / "emp") is None


def _blocks() -> list[str]:
    return re.findall(r"^```\n(.*?)^```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
