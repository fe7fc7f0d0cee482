"""What is told about answers: metrics for Prometheus, spans over OTLP."""
