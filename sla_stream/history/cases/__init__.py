"""Unit tests of policies, for the people who write policies: given these ticket events, expect this.

`file` reads case files, `times`, `given`, `said` and `states` their short forms, `running` replays and compares.
The format is described in docs/policy-tests.md.
"""

from __future__ import annotations

from sla_stream.history.cases.file import Case, CaseFile, load_cases
from sla_stream.history.cases.running import Result, run_case

__all__ = ["Case", "CaseFile", "Result", "load_cases", "run_case"]
