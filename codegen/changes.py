"""What a revision changes in the classes: a table for the developer who has to follow it."""


def report(before: dict[str, str], after: dict[str, str]) -> str:
    """The table."""
    return "\n".join(name for name, text in after.items() if before[name] != text)
