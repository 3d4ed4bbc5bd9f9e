"""Service-level policies of other products, as a policy file of ours.

`zendesk` reads the product's own form, `selection` turns filters into `match`, `writing` puts the file together.
What cannot be said here is never left out silently: it stands in the file as a comment.
"""

from __future__ import annotations

from sla_stream.formats.policy_import.draft import Draft, Hours
from sla_stream.formats.policy_import.zendesk import import_zendesk

__all__ = ["Draft", "Hours", "import_zendesk"]
