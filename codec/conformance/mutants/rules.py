"""Changes of a rule that are more than a small change of the source, and the changes that may live.

A change is (file, text, other text). The text has to be there once.
"""

CHANGES = [
]

ALIVE = {
}
