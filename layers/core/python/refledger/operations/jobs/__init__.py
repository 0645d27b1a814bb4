"""Work that takes longer than a request: exports, imports, the month's pack."""
