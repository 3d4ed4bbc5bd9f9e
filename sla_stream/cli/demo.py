"""`sla-stream demo`: the whole pipeline on this machine, until Ctrl-C."""

from __future__ import annotations

import argparse
import asyncio

SUMMARY = "see it work: broker, worker and a real history on this machine, until Ctrl-C"

EPILOG = """\
examples:
  sla-stream demo                             an hour of a real service desk's history in each second
  sla-stream demo --speed 20000               faster
  sla-stream demo --events 5000               stop by itself after so many ticket events
  sla-stream demo --until 2016-03-04T00:00:00Z   stop by itself at that instant of the history
  sla-stream demo --live                      the same history moved to now, at the speed of time
  sla-stream demo --policies mine.yaml        with other promises
  sla-stream demo > said.txt                  every SLA event as a line, progress on standard error

What it does: starts a Kafka broker (real Apache Kafka where Java 17 and Maven can be had, else one that is
embedded), appends 141,712 events of 24,918 real incidents as live traffic, runs a real worker, and prints the
warnings, breaches and outcomes that other programs would read. A virtual clock follows the history.
It works under a random topic prefix; what it started and made is gone when it ends.
SLA_STREAM_TEST_KAFKA=HOST:PORT uses a cluster that is already there."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The demo's flags."""
    parser.description = "The whole pipeline on this machine, fed with a real history, until Ctrl-C."
    parser.epilog = EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    pace = parser.add_mutually_exclusive_group()
    pace.add_argument("--speed", metavar="N", help="seconds of history in a second (default: 3600, an hour a second)")
    pace.add_argument("--live", action="store_true", help="move the history to now and live in real time")
    parser.add_argument("--events", metavar="N", help="stop after so many ticket events")
    parser.add_argument("--until", metavar="INSTANT", help="stop at this instant of the history")
    parser.add_argument("--policies", metavar="FILE", help="policy file (default: the demo's own)")


def run(args: argparse.Namespace) -> int:
    """0 when it came to the end it was given; 130 by way of Ctrl-C."""
    import logging

    from sla_stream.demo.options import options_from
    from sla_stream.demo.pipeline import run_demo

    logging.getLogger("aiokafka").addHandler(logging.NullHandler())  # its warnings are about what it retries
    return asyncio.run(run_demo(options_from(args)))
