"""`python -m daemons.simulation.comfyui --port 8188`: one simulated server, until stopped."""

import argparse
import asyncio
import sys
from contextlib import suppress

from daemons.simulation.comfyui import Fault, Faults, Options, SimulatedComfyUI


def _rate(text: str) -> tuple[Fault, float]:
    name, _, rate = text.partition("=")
    return Fault(name), float(rate or 1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m daemons.simulation.comfyui", description="A simulated ComfyUI.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8188)
    parser.add_argument("--server-version", default=Options().version, help="the ComfyUI whose ways are followed")
    parser.add_argument("--step", type=float, default=0.1, metavar="SECONDS", help="what a sampling step takes")
    parser.add_argument("--node", type=float, default=0.05, metavar="SECONDS", help="what any other node takes")
    parser.add_argument("--load", type=float, default=1.0, metavar="SECONDS", help="what loading a model takes")
    parser.add_argument("--previews", action="store_true", help="send a picture of each step")
    parser.add_argument("--seed", type=int, default=0)
    rates = f"chance per node of {', '.join(Fault)}"
    parser.add_argument("--fault", type=_rate, action="append", default=[], metavar="NAME=RATE", help=rates)
    parser.add_argument("--lasts", type=float, default=10.0, metavar="SECONDS", help="how long a hang or hog lasts")
    parser.add_argument("--down", type=float, default=5.0, metavar="SECONDS", help="from a crash to the next start")
    return parser.parse_args()


async def _serve(arguments: argparse.Namespace) -> None:
    options = Options(
        version=arguments.server_version,
        step_seconds=arguments.step,
        node_seconds=arguments.node,
        load_seconds=arguments.load,
        previews=arguments.previews,
    )
    faults = Faults(rates=dict(arguments.fault), lasts=arguments.lasts, down=arguments.down)
    async with SimulatedComfyUI(
        options, faults, host=arguments.host, port=arguments.port, seed=arguments.seed
    ) as server:
        sys.stderr.write(f"simulated ComfyUI {options.version} at {server.url}\n")
        await asyncio.Event().wait()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(_serve(_arguments()))
