"""What refledger does: each operation reads, lets the rules decide, and commits once.

Every one may be repeated after a lost answer, and says in its docstring what makes it so.
"""
