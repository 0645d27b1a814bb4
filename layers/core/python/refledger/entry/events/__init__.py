"""Events as they come out of queues. Each module reads what its function needs, and loads no other's sender."""
