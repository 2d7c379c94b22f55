"""Whom this place believes: keys, the list of signers, and folders of other people that one has looked at."""
