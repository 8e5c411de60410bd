"""Sizes as people read them."""


def size(count: int) -> str:
    """`512 B`, `1.2 MB`; a MB has 10^6 bytes."""
    amount = float(count)
    for unit in ("B", "kB", "MB"):
        if amount < 999.5:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} GB"
