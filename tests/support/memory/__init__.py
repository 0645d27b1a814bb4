"""DynamoDB in memory, where a boto3 client would be: what it does is what DynamoDB documents and DynamoDB Local does.

    values.py       attribute values, their sizes and limits
    expressions.py  conditions, updates, projections and key conditions, compiled once
    tables.py       items, indexes, streams
    client.py       the operations: `Client`, and `Streams` beside it

What refledger does not use is not there: a parameter, type, function or expression that is not known raises
NotModelled, which no handler takes for an answer of the table. tests/store/test_memory.py holds all of it against
DynamoDB Local.
"""
