"""sla_stream: says in time when a service-level promise is at risk, broken or kept, and can prove why."""

__version__ = "0.1.0"
