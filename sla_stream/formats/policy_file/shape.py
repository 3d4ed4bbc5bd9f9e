"""From plain values to the model: every error of shape as a finding, and what can be saved for the checks
after it.

So that all errors come out at once, parts with an error of shape are taken out and the rest is checked
further.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass, field
from types import UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from sla_stream.core.metrics import DUE_DATE
from sla_stream.formats.policy_file.findings import Findings, Path, did_you_mean, one_of, quote, show
from sla_stream.formats.policy_file.model import API_VERSION, PolicyFile

_STANDS_FOR_CONDITIONS: Final = [{"kind": "created"}]


@dataclass(frozen=True, slots=True)
class Shaped:
    """`broken`: paths that were taken out since their shape is wrong."""

    file: PolicyFile
    broken: frozenset[Path] = field(default_factory=frozenset)

    def broken_in(self, section: str) -> set[str]:
        """Names of the entries of `schedules` or `metrics` of which a part was taken out."""
        return {str(path[1]) for path in self.broken if path[0] == section and len(path) > 1}

    def lost(self, section: str) -> bool:
        """Whether the section is gone as a whole, so that nobody knows what it would have named."""
        return (section,) in self.broken


def shape(value: Any, findings: Findings) -> Shaped | None:
    """The model of the document, without its broken parts; None if nothing can be saved."""
    if not isinstance(value, dict):
        if not findings.found:
            findings.error((), f"found {show(value)}; expected a mapping with `apiVersion: {API_VERSION}`")
        return None
    nulls = list(_nulls(value, ()))
    for path in set(nulls) - findings.unread:
        findings.error(path, "found nothing; expected a value (leave the key out if there is none)", key=True)
    try:
        return Shaped(PolicyFile.model_validate(value))
    except ValidationError as invalid:
        errors = invalid.errors(include_url=False)
    for error in errors:
        place = findings.places.resolve(error["loc"])
        if place not in nulls and (*place, error["loc"][-1]) not in nulls:
            _report(error, place, findings)
    broken = frozenset(_cut(_whole(error, findings)) for error in errors)
    return _salvage(value, broken)


def _nulls(value: Any, path: Path) -> Iterable[Path]:
    if value is None:
        yield path
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _nulls(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _nulls(item, (*path, index))


def _report(error: ErrorDetails, place: Path, findings: Findings) -> None:
    kind, loc, found = error["type"], error["loc"], error["input"]
    if kind == "missing":
        key = str(loc[-1])
        findings.error(place, f"`{key}` is missing; expected {_expected(loc)}", key=True)
    elif kind == "extra_forbidden":
        findings.error(place, _unknown_key(str(loc[-1]), loc[:-1]), key=True)
    elif kind == "written":
        findings.error(place, error["msg"], key=loc[-1] == "[key]" or "[key]" in loc)
    else:
        choices = _choices(loc) if kind == "literal_error" and isinstance(found, str) else []
        hint = did_you_mean(found, choices) if len(choices) > 1 else ""
        findings.error(place, f"found {show(found)}; expected {_expected(loc, place)}{hint}")


def _unknown_key(key: str, loc: Path) -> str:
    known = _known_keys(loc)
    if loc and key in _known_keys(()):
        return f"key {quote(key)} does not belong here; expected at the top level of the file{did_you_mean(key, known)}"
    return f"unknown key {quote(key)}; expected {one_of(known)}{did_you_mean(key, known)}"


def _expected(loc: Path, place: Path = ()) -> str:
    """What may stand at `loc`: the description of the field, or for an entry of it what an entry is."""
    annotation: Any = PolicyFile
    field, description, entry = "", "a value", False
    for step in loc:
        if step == "[key]":
            continue
        annotation, described = _step(annotation, step)
        entry = described is None
        if described is not None:
            field, description = str(step), described
    model = _model(annotation)
    if not entry and model is None:
        return description
    if model is not None and (entry or not description):
        return f"a mapping with {_needed(model)}"
    # A single value that stands for a list or a mapping has no place of its own in the text.
    written = bool(place) and place[-1] == loc[-1]
    return f"{_noun(annotation)}: `{field}` takes {description}" if entry and written else description


def _needed(model: type[BaseModel]) -> str:
    needed = getattr(model, "NEEDED", ())
    required = [name for name, field in model.model_fields.items() if field.is_required() or name in needed]
    return " and ".join(required) if required else one_of(_keys(model))


def _noun(annotation: Any) -> str:
    base = _bare(annotation)
    origin = get_origin(base) or base
    return {str: "text", list: "a list", dict: "a mapping"}.get(origin, "a value")


def _step(annotation: Any, step: str | int) -> tuple[Any, str | None]:
    """What stands one step below, and the description if the step is a field."""
    bare = _bare(annotation)
    if isinstance(bare, type) and issubclass(bare, BaseModel):
        for name, described in bare.model_fields.items():
            if step in (name, described.alias):
                return Annotated[described.annotation, "field"], described.description
        return Any, None
    arguments = get_args(bare)
    return (arguments[-1] if arguments else Any), None


def _bare(annotation: Any) -> Any:
    """Without Annotated and None."""
    while True:
        if get_origin(annotation) is Annotated:
            annotation = get_args(annotation)[0]
        elif get_origin(annotation) in (Union, UnionType):
            annotation = next(part for part in get_args(annotation) if part is not type(None))
        else:
            return annotation


def _model(annotation: Any) -> type[BaseModel] | None:
    bare = _bare(annotation)
    return bare if isinstance(bare, type) and issubclass(bare, BaseModel) else None


def _below(loc: Path) -> Any:
    annotation: Any = PolicyFile
    for step in loc:
        annotation, _ = _step(annotation, step)
    return annotation


def _known_keys(loc: Path) -> list[str]:
    model = _model(_below(loc))
    return _keys(model) if model else []


def _keys(model: type[BaseModel]) -> list[str]:
    """Required ones first."""
    needed = getattr(model, "NEEDED", ())
    fields = sorted(model.model_fields.items(), key=lambda item: not (item[1].is_required() or item[0] in needed))
    return [described.alias or name for name, described in fields]


def _choices(loc: Path) -> list[str]:
    return [str(choice) for choice in get_args(_bare(_below(loc)))]


def _whole(error: ErrorDetails, findings: Findings) -> Path:
    place = findings.places.resolve(error["loc"])
    return (*place, error["loc"][-1]) if error["type"] == "missing" else place


def _cut(place: Path) -> Path:
    """The smallest part that can be left out without harm to the rest."""
    if place[:1] == ("policies",):
        return place[: 5 if len(place) > 3 and place[2] == "targets" else 3]
    if place[:1] in (("schedules",), ("metrics",)):
        return place[:3]
    return place[:1]


def _salvage(value: dict[str, Any], broken: frozenset[Path]) -> Shaped | None:
    rest = copy.deepcopy(value)
    for path in sorted(broken, key=len, reverse=True):
        _take_out(rest, path)
    _mend(rest, broken)
    try:
        return Shaped(PolicyFile.model_validate(rest), broken)
    except ValidationError:
        return None


def _take_out(value: Any, path: Path) -> None:
    for step in path[:-1]:
        value = value[step]
    if not path:
        return
    if isinstance(value, list) or len(path) in (2, 4):  # a whole policy, schedule, metric or target
        value[path[-1]] = {}
    else:
        value.pop(path[-1], None)


def _mend(value: dict[str, Any], broken: frozenset[Path]) -> None:
    """Stand-ins for required parts that are gone; nothing made with them leaves this package."""
    value["apiVersion"] = API_VERSION
    for schedule in value.get("schedules", {}).values():
        schedule.setdefault("timezone", "UTC")
    for metric in value.get("metrics", {}).values():
        metric.setdefault("start", _STANDS_FOR_CONDITIONS)
        metric.setdefault("stop", _STANDS_FOR_CONDITIONS)
    for number, policy in enumerate(value.get("policies", [])):
        policy.setdefault("name", f"policy {number}")
        for metric, target in policy.setdefault("targets", {}).items():
            path: Path = ("policies", number, "targets", metric)
            if metric == DUE_DATE:
                continue
            if path in broken or (*path, "target") in broken:
                target.setdefault("target", "1h")
