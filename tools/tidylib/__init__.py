"""The rules of the house, checked by tools/tidy.py. Python standard library only."""
