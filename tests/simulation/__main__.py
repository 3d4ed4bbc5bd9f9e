"""`python -m tests.simulation --seeds 10000`: the worker against a simulated cluster, one seed after the other."""

from __future__ import annotations

import argparse
import sys
import time

from tests.simulation.campaign import campaign, explain, faults_told
from tests.simulation.mistakes import MISTAKES

EXAMPLES = """\
examples:
  python -m tests.simulation --seeds 10000            all cores, some minutes; 1 if a seed fails
  python -m tests.simulation --from 5000 --seeds 500  other seeds
  python -m tests.simulation --seed 83                the story of one seed, made smaller if it fails
  python -m tests.simulation --seeds 300 --mistake restore-before-fencing
"""


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.simulation", description=__doc__, epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--seeds", type=int, default=1_000, metavar="N", help="how many (default: 1000)")
    parser.add_argument("--from", type=int, default=0, dest="first", metavar="SEED", help="the first one (default: 0)")
    parser.add_argument("--seed", type=int, help="only this one, with its story")
    parser.add_argument("--mistake", choices=MISTAKES, help="with an error of the past put back into the worker")
    parser.add_argument("--processes", type=int, help="default: one for each core")
    parser.add_argument("--whole", action="store_true", help="tell the story as it is, do not make it smaller")
    args = parser.parse_args(words)
    if args.seed is not None:
        print(*explain(args.seed, args.mistake, smaller=not args.whole), sep="\n")
        return 0
    return _many(args)


def _many(args: argparse.Namespace) -> int:
    began, results, failed = time.monotonic(), [], []
    for result in campaign(range(args.first, args.first + args.seeds), args.mistake, args.processes):
        results.append(result)
        if result.problems:
            failed.append(result)
            print(f"seed {result.seed}: {result.problems[0]}", flush=True)
        if sys.stderr.isatty() and len(results) % 100 == 0:
            print(f"\r{len(results)} seeds, {len(failed)} failed", end="\r", file=sys.stderr)
    faults = faults_told(results)
    print(
        f"{len(results)} seeds, {sum(one.steps for one in results):,} steps, {faults.total():,} faults of "
        f"{len(faults)} kinds, {len(failed)} failed, {time.monotonic() - began:.0f} s"
    )
    if failed:
        print(*explain(failed[0].seed, args.mistake), sep="\n")
        again = f" --mistake {args.mistake}" if args.mistake else ""
        print(f"again: python -m tests.simulation --seed {failed[0].seed}{again}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
