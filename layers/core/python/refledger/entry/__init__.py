"""What the handlers share: HTTP, events, configuration, observability."""
