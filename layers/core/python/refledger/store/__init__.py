"""The one DynamoDB table: keys, transactions, and a module per aggregate that turns entities into items and back."""
