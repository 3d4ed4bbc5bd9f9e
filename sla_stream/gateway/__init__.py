"""Webhooks over HTTP, verified, kept as they came, acknowledged when Kafka has them: for those who have no Kafka."""
