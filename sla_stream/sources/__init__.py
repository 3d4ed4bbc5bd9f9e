"""Source records into ticket events: mappings, declared in files, compiled once.

`load_mapping(name_or_path)` gives a `Mapping`; `Mapping.map(payload, headers, key)` gives the ticket events v1, as
JSON, that a record of the source tells of. A mapping file says where each field comes from (`expressions`), under
which conditions (`conditions`), and what a source's words mean (`value_maps`).
"""

from __future__ import annotations

from sla_stream.sources.catalogue import load_mapping, mapping_names
from sla_stream.sources.mapping import Mapping

__all__ = ["Mapping", "load_mapping", "mapping_names"]
