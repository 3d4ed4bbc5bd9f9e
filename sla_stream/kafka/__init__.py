"""Kafka clients, topics and proofs. With `worker`, the only place that imports aiokafka."""
