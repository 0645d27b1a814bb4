"""What is counted from the stream and the books, and what reports make of it."""
