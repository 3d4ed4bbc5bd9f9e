"""The shape of a policy file, as pydantic models: which keys there are and how their values are written.

Values stay as written; `compile` reads them. Descriptions serve twice: in the JSON Schema, and as "expected
..." in errors. What depends on something elsewhere in the file (names, overlaps, order) is checked by
`compile`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic.annotated_handlers import GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import PydanticCustomError, core_schema

from sla_stream.formats.instants import parse_instant
from sla_stream.formats.policy_file import scalars
from sla_stream.formats.policy_file.findings import show

API_VERSION: Final = "sla-stream/v1"
DEFINED: Final = "x-defined"
"""In a JSON Schema of the model: `schema` puts a definition of this name here."""
NOT_EMPTY: Final = 'expected text, not ""'


class Part(BaseModel):
    """A mapping with known keys; unknown ones are errors, numbers do not pass as text."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    NEEDED: ClassVar[tuple[str, ...]] = ()
    """Keys that nearly always stand, though the model can do without."""


class Short:
    """JSON Schema: the value may also be written as `short`."""

    def __init__(self, short: JsonSchemaValue) -> None:
        self.short = short

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"anyOf": [self.short, handler(schema)]}


def _written(read: Callable[[str], object], schema: JsonSchemaValue) -> Any:
    """Annotation: text that `read` accepts."""

    def check(text: str) -> str:
        try:
            read(text)
        except ValueError as error:
            raise PydanticCustomError("written", "{sentence}", {"sentence": str(error)}) from None
        return text

    return (AfterValidator(check), WithJsonSchema({"type": "string", **schema}))


def _number(value: Any) -> int | float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0 or not math.isfinite(value):
        sentence = f"{show(value)}; expected a number, zero or more"
        raise PydanticCustomError("written", "{sentence}", {"sentence": sentence})
    return value


def _as_list(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


def _as_default(value: Any) -> Any:
    return value if isinstance(value, dict) else {"default": value}


def _as_added(value: Any) -> Any:
    return {"add": value} if isinstance(value, list) else value


def _factor(value: Any) -> float:
    try:
        return scalars.read_factor(_number(value))
    except ValueError as error:
        raise PydanticCustomError("written", "{sentence}", {"sentence": str(error)}) from None


_DURATION: Final = r"^([0-9]+h)?([0-9]+m)?([0-9]+s)?$"
_TARGET: Final = r"^([0-9]+h)?([0-9]+m)?([0-9]+s)?$|^[0-9]+bd$"
_WINDOW: Final = r"^[0-9]{2}:[0-9]{2}(:[0-9]{2})?-[0-9]{2}:[0-9]{2}(:[0-9]{2})?$"
_DAYS: Final = r"^(mon|tue|wed|thu|fri|sat|sun)([-, ]+(mon|tue|wed|thu|fri|sat|sun))*$"
_DATE: Final = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_LOCAL: Final = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2})?"

Text = Annotated[str, Field(min_length=1, max_length=200)]
TargetTime = Annotated[str, *_written(scalars.read_target, {"pattern": _TARGET, "minLength": 2})]
Grace = Annotated[str, *_written(scalars.parse_duration, {"pattern": _DURATION, "minLength": 2})]
Extra = Annotated[str, *_written(scalars.read_extra, {"pattern": _DURATION, "minLength": 2})]
Instant = Annotated[str, *_written(parse_instant, {"format": "date-time"})]
WarningText = Annotated[str, *_written(scalars.read_warning, {"pattern": rf"^[0-9.]+%$|{_DURATION}", "minLength": 2})]
Escalation = Annotated[
    str, *_written(scalars.read_escalation, {"pattern": _DURATION.replace("^", r"^\+"), "minLength": 3})
]
Window = Annotated[str, *_written(scalars.read_window, {"pattern": _WINDOW})]
Days = Annotated[str, *_written(scalars.read_days, {"pattern": _DAYS})]
Date = Annotated[str, *_written(scalars.read_date, {"pattern": _DATE})]
Closure = Annotated[str, *_written(scalars.read_closure, {"pattern": f"^{_LOCAL}/{_LOCAL}$"})]
Timezone = Annotated[str, *_written(scalars.read_timezone, {"minLength": 1})]
Number = Annotated[Any, BeforeValidator(_number), WithJsonSchema({"type": "number", "minimum": 0})]
Factor = Annotated[Any, BeforeValidator(_factor), WithJsonSchema({"type": "number", "exclusiveMinimum": 1})]

Windows = Annotated[list[Window], BeforeValidator(_as_list), Short({"type": "string", "pattern": _WINDOW})]
Texts = Annotated[list[Text], BeforeValidator(_as_list), Short({"type": "string", "minLength": 1})]

ConditionText = Annotated[dict[str, Any], WithJsonSchema({DEFINED: "Condition"})]
"""Terms as written; `conditions` checks them, since their keys are open (`custom.NAME`)."""
ConditionList = list[ConditionText]
MatchText = Annotated[dict[str, Any], WithJsonSchema({DEFINED: "Match"})]


class HolidaySource(Part):
    """Days without opening hours."""

    country: Text | None = Field(None, description="a country code of ISO 3166 such as DE")
    subdivision: Text | None = Field(None, description="a state, province or canton of the country, such as BY")
    ics: Text | None = Field(None, description="an iCalendar file, path relative to the policy file")
    add: list[Date] = Field([], description="a list of dates that are holidays too")
    remove: list[Date] = Field([], description="a list of dates that are no holidays here")


class ScheduleText(Part):
    """Opening hours in one time zone. `24x7` is built in."""

    timezone: Timezone = Field(description=scalars.TIMEZONE_EXPECTED)
    hours: dict[Days, Windows] = Field(
        {},
        description="a mapping of days (mon, mon-fri, mon,wed) to windows 'HH:MM-HH:MM'; one that ends before "
        "it starts runs into the next day",
    )
    holidays: Annotated[
        HolidaySource | None,
        BeforeValidator(_as_added),
        Short({"type": "array", "items": {"type": "string", "pattern": _DATE}}),
    ] = Field(None, description="a list of dates, or a mapping with country, subdivision, add, remove, or ics")
    dates: dict[Date, Windows] = Field(
        {}, description="a mapping of dates to windows that replace that day's hours; [] closes it"
    )
    closed: list[Closure] = Field([], description="a list of local times 'from/to' that are closed whatever else says")


class MetricText(Part):
    """A clock of one's own."""

    start: ConditionList = Field(description="a list of conditions that start the clock, any of them")
    stop: ConditionList = Field(description="a list of conditions that stop it")
    pause: ConditionList = Field([], description="a list of conditions that pause it, as long as they hold")
    resume: ConditionList | None = Field(
        None, description="a list of conditions that end a pause begun by an event under `pause`"
    )
    cancel: ConditionList = Field([], description="a list of conditions that cancel the running cycle")
    reset: ConditionList = Field([], description="a list of conditions that start the same cycle from zero")


class Credit(Part):
    """What a breach costs."""

    amount: Number = Field(description="an amount of money")
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = Field(description="a currency code such as EUR")
    per: Literal["breach"] = Field("breach", description="breach")
    cap: Number = Field(None, description="the most that is credited")


class StepActions(Part):
    """What to do when a step is reached."""

    notify: Texts | None = Field(None, description="a list of receivers (text)")
    runbook: Text | None = Field(None, description="the address of a runbook")


class EscalationText(StepActions):
    """A step after the deadline."""

    at: Escalation = Field(description="time after the deadline such as '+1h'")


class BreachActions(StepActions):
    """What to do at a breach."""

    credit: Credit | None = Field(None, description="a mapping with amount and currency, optionally per and cap")


class Terms(Part):
    """What a target may say, and what a policy may say for all of its targets."""

    schedule: Text | None = Field(None, description="the name of a schedule (default: 24x7)")
    warn: Annotated[list[WarningText] | None, BeforeValidator(_as_list), Short({"type": "string"})] = Field(
        None, description="a list of thresholds before the deadline such as '80%' or '30m'"
    )
    escalate: list[EscalationText] | None = Field(None, description="a list of steps after the deadline")
    breach: BreachActions | None = Field(None, description="a mapping with notify, runbook, credit")
    pause: ConditionList | None = Field(None, description="a list of conditions that pause the clock")
    resume: ConditionList | None = Field(
        None, description="a list of conditions that end a pause begun by an event under `pause`"
    )
    reopen: Literal["resume", "continue", "new_cycle"] | None = Field(None, description="resume, continue or new_cycle")
    reopen_grace: Grace | None = Field(None, description="a duration such as 1h (wall time)")
    retarget: Literal["keep_elapsed", "restart"] | None = Field(None, description="keep_elapsed or restart")
    from_: Literal["start", "application"] | None = Field(None, alias="from", description="start or application")
    kind: Literal["sla", "kpi"] | None = Field(None, description="sla or kpi")


TARGET_EXPECTED: Final = "a duration such as 4h, or a mapping of priorities (and `default`) to durations"


class TargetText(Terms):
    """One promise: a metric, the time it may take, and what happens along the way. Only `due_date` has no `target`."""

    NEEDED: ClassVar[tuple[str, ...]] = ("target",)

    target: (
        Annotated[
            dict[str, TargetTime],
            Field(min_length=1),
            BeforeValidator(_as_default),
            Short({"type": "string", "pattern": _TARGET, "minLength": 2}),
        ]
        | None
    ) = Field(None, description=TARGET_EXPECTED)
    start: ConditionList | None = Field(None, description="a list of conditions instead of the metric's own")
    stop: ConditionList | None = Field(None, description="a list of conditions instead of the metric's own")
    cancel: ConditionList | None = Field(None, description="a list of conditions instead of the metric's own")
    reset: ConditionList | None = Field(None, description="a list of conditions instead of the metric's own")


class PolicyText(Terms):
    """Promises to the tickets that match."""

    name: Text = Field(description="a name (text)")
    level: Literal["base", "service", "plan", "customer"] = Field("base", description="base, service, plan or customer")
    match: MatchText = Field({}, description="a mapping of attributes to values; without it every ticket matches")
    valid_from: Instant | None = Field(None, description="an instant with a zone such as 2026-01-01T00:00:00Z")
    on_change: Literal["pin", "migrate"] = Field("pin", description="pin or migrate")
    targets: dict[str, TargetText] = Field(description="a mapping of metrics to their targets")


class RelaxationText(Part):
    """A dated relief: cycles that start in its window get more time."""

    name: Text = Field(description="a name (text)")
    from_: Instant = Field(alias="from", description="an instant with a zone such as 2026-02-01T00:00:00Z")
    to: Instant = Field(description="an instant with a zone such as 2026-02-03T00:00:00Z")
    match: MatchText = Field({}, description="a mapping of attributes to values; without it every ticket matches")
    factor: Factor = Field(None, description="a number of more than 1 by which targets are multiplied")
    extra: Extra | None = Field(None, description="a duration such as 4h that is added to targets")
    reason: Text = Field(description="why (text)")
    approved_by: Text = Field(description="who approved it (text)")


class PolicyFile(Part):
    """Service-level policies of sla-stream, version 1.

    Editors check a YAML file as it is written if its first line is
    `# yaml-language-server: $schema=PATH/TO/policies.v1.schema.json`.
    """

    api_version: Literal["sla-stream/v1"] = Field(alias="apiVersion", description=API_VERSION)
    schedules: dict[str, ScheduleText] = Field({}, description="a mapping of names to schedules")
    metrics: dict[str, MetricText] = Field({}, description="a mapping of names to metrics")
    relaxations: list[RelaxationText] = Field([], description="a list of relaxations")
    policies: list[PolicyText] = Field([], description="a list of policies")
