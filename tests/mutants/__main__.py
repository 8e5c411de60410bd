"""Change the functions and the core at random, one small change at a time, and print the changes that no test notices.

Each change is made in a private copy of the project, two at a time. The tests nearest to the changed file run there
first, then the rest of the store's (for Python: of the core's and the hub's), until one fails. That test must pass
without the change. A survivor is a test that is missing, or a line that makes no difference.
"""

import argparse
import queue
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack

from tests.generated import ROOT
from tests.mutants.lua import lua_mutants
from tests.mutants.mutant import Mutant, sample
from tests.mutants.python import python_mutants
from tests.mutants.trial import Copy, copies

AT_ONCE = 2

SOURCES: dict[str, tuple[Callable[[str, str], Iterator[Mutant]], tuple[str, ...]]] = {
    "lua": (lua_mutants, ("emp_core/store/lua/**/*.lua",)),
    "python": (python_mutants, ("emp_core/domain/*.py", "emp_core/store/**/*.py", "emp_core/domain/filter/*.py")),
}
"""Language -> what makes the changes, and of which files."""


def main() -> int:
    options = _options()
    chosen = list(_chosen(options.language, options.count, options.seed, options.only))
    _say(f"{len(chosen)} changes, seed {options.seed}")
    began = time.monotonic()
    with copies(AT_ONCE) as trees:
        noticed = sum(_try(chosen, trees))
    minutes = (time.monotonic() - began) / 60
    print(f"{noticed} of {len(chosen)} changes noticed, {len(chosen) - noticed} not, in {minutes:.0f} minutes")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--count", type=int, default=60, metavar="N", help="how many changes; default 60")
    parser.add_argument(
        "--seed", type=int, default=7, metavar="N", help="another number makes other changes; default 7"
    )
    parser.add_argument("--language", choices=[*SOURCES, "both"], default="both", help="default: half of each")
    parser.add_argument("--only", default="", metavar="TEXT", help="only files whose path contains this")
    return parser.parse_args()


def _chosen(language: str, count: int, seed: int, only: str) -> Iterator[Mutant]:
    languages = list(SOURCES) if language == "both" else [language]
    for number, name in enumerate(languages):
        make, patterns = SOURCES[name]
        paths = sorted(path for pattern in patterns for path in ROOT.glob(pattern))
        found = [(str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")) for path in paths]
        every = (mutant for path, text in found if only in path for mutant in make(path, text))
        share = count // len(languages) + (number < count % len(languages))
        yield from sample(every, share, seed)


def _try(chosen: list[Mutant], trees: list[Copy]) -> Iterator[bool]:
    """Whether each change is noticed. Prints those that are not as soon as they are known."""
    free: queue.SimpleQueue[Copy] = queue.SimpleQueue()
    for tree in trees:
        free.put(tree)

    def notices(mutant: Mutant) -> tuple[bool, float]:
        tree = free.get()
        began = time.monotonic()
        try:
            return tree.notices(mutant), time.monotonic() - began
        finally:
            free.put(tree)

    with ThreadPoolExecutor(len(trees)) as pool, ExitStack() as stack:
        stack.callback(
            pool.shutdown, wait=False, cancel_futures=True
        )  # Ctrl-C ends the tests that run, and tries no more
        running = {pool.submit(notices, mutant): mutant for mutant in chosen}
        for number, done in enumerate(as_completed(running), start=1):
            mutant, (noticed, seconds) = running[done], done.result()
            what = "noticed" if noticed else "NOT NOTICED"
            _say(f"{number}/{len(chosen)} {mutant.place} ({mutant.kind}): {what} in {seconds:.0f} s")
            if not noticed:
                print(f"{mutant.place} ({mutant.kind})", *mutant.difference, sep="\n", flush=True)
            yield noticed


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
