"""refledger beside what one would write or install instead, in one run: processor time, requests, and whether the books
balance afterwards.

Three sides: refledger's functions in real runtime clients on DynamoDB Local (`ours.py`); on PostgreSQL a small FastAPI
application with the same rules (`apps/fastapi_app.py`), and django-affiliate-system from PyPI (`apps/django_app.py`).
The processor's time is that of whole processes: in the peers their HTTP server is part of it, in refledger AWS's
runtime client.
"""
