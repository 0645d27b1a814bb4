"""One seed is one run of the whole deployment: order, clock, ids, jitter and faults follow from it and nothing else.

scheduler.py   tasks that are given the baton one at a time: an interleaving is a list of numbers
faults.py      what may go wrong at a call, by site; `Seam`, which stands where a client would
deployment.py  the real functions, with queues, stream, schedules, workflow and provider that answer the scheduler
actions.py     what happens: everything of `actors.py`, and what happens by itself
invariants.py  what must hold after every commit
witness.py     the independent model (tests/support/model.py), told the facts in the order of the commits
checks.py      what must hold when all is quiet, of what a run has changed
remembered.py  what was read of a beginning and found right: a run reads again only what it has changed
run.py         a seed from its beginning to its end: `simulate`
insider.py     Mallory: everything that one person with every role and tool can do
insider_run.py a seed of hers, and what she may never come to
__main__.py    many of them: `make simulate SEEDS=1000`, or one again: `make simulate ARGS="--seed 17"`
"""
