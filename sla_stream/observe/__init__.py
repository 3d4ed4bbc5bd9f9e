"""What a running process shows of itself: logs, health, metrics."""
