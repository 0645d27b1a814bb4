"""Bodies, queries and answers of the HTTP API: camelCase JSON, unknown fields refused, whole numbers only."""
