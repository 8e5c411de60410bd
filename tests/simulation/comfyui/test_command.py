"""`python -m daemons.simulation.comfyui`."""

import asyncio
import re
import signal
import sys

import httpx

from tests.support.waiting import PATIENCE_SECONDS


async def test_it_says_where_it_answers_and_ends_on_ctrl_c() -> None:
    command = [sys.executable, "-m", "daemons.simulation.comfyui", "--port", "0", "--server-version", "0.38.1"]
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
    assert process.stderr is not None
    said = (await process.stderr.readline()).decode()
    found = re.fullmatch(r"simulated ComfyUI 0\.38\.1 at (http://127\.0\.0\.1:\d+)\n", said)
    assert found is not None, said
    async with httpx.AsyncClient(base_url=found[1], verify=False, timeout=PATIENCE_SECONDS) as http:
        assert (await http.get("/api/jobs")).json()["jobs"] == []
    process.send_signal(signal.SIGINT)
    rest = (await process.stderr.read()).decode()
    assert (await process.wait(), rest) == (0, "")
