"""`sla-stream gateway`: webhooks in over HTTP, verified, into Kafka topics as they came."""

from __future__ import annotations

import argparse
import os
from typing import Final

from sla_stream.formats.settings import KAFKA_SETTINGS, add_settings_arguments, settings_from_arguments

SETTINGS: Final = (*KAFKA_SETTINGS, "app_id", "topic_prefix", "listen", "log_level", "log_format")

EPILOG: Final = """\
examples:
  sla-stream gateway --config gateway.yaml --check        is the file right, are the secrets there? starts nothing
  sla-stream gateway --config gateway.yaml                receive on 127.0.0.1:8080
  sla-stream gateway --config gateway.yaml --host 0.0.0.0 --port 8443
  curl localhost:8085/readyz                              ready, or the reasons why not (address: --listen)

gateway.yaml may be as short as this; docs/gateway.md has the rest (every vendor, own signatures, limits, TLS):
  kafka: localhost:9092
  hooks:
    zendesk: {vendor: zendesk, topic: zendesk.webhooks, secrets: {file: /run/secrets/zendesk}}
    jira: {vendor: jira, topic: jira.webhooks, secrets: {env: JIRA_WEBHOOK_SECRET}}

Then Zendesk's address is https://HOST/hooks/zendesk. The answer is 200 once Kafka has the record; `sla-stream ingest`
turns the topics into ticket events. Runs until Ctrl-C or SIGTERM (exit 0).
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    parser.add_argument("--check", action="store_true", help="check the file and its secrets, and end")
    parser.add_argument("--host", metavar="HOST", help="address to receive at (default: the file's, 127.0.0.1)")
    parser.add_argument("--port", type=_port, metavar="PORT", help="port to receive at (default: the file's, 8080)")
    add_settings_arguments(parser, SETTINGS)


def run(args: argparse.Namespace) -> int:
    """Exit code 0 after a stop. Raises ConfigError for a wrong file, secrets that are not there, missing topics."""
    from dataclasses import replace

    from sla_stream.errors import ConfigError
    from sla_stream.gateway.gateway_file import PARTS, load_gateway
    from sla_stream.observe.logs import setup_logging

    path = args.config or os.environ.get("SLA_STREAM_CONFIG")
    if not path:
        raise ConfigError("--config: missing; expected the gateway's file (docs/gateway.md shows one)")
    settings = settings_from_arguments(args, beside=PARTS)
    gateway = load_gateway(path, os.environ)
    if args.host:
        gateway = replace(gateway, host=args.host)
    if args.port is not None:
        gateway = replace(gateway, port=args.port)
    if args.check:
        for hook in gateway.hooks:
            print(f"/hooks/{hook.name}: {hook.vendor} to topic {hook.topic}, secrets: {len(hook.keys)}")
        return 0
    setup_logging(settings.log_level, settings.log_format)  # type: ignore[arg-type]
    from sla_stream.gateway.running import run_gateway

    return run_gateway(settings, gateway)


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 65_535:
        raise argparse.ArgumentTypeError(f"found {text!r}; expected a port from 0 (any free one) to 65535")
    return int(text)
