"""Text for widgets. What jobs and services say is cleaned, and is never taken for markup."""

from rich.style import Style as RichStyle
from textual.content import Content
from textual.style import Style

from emp_cli.output.clean import clean, one_line

_THEMED = {
    "red": "$text-error",
    "yellow": "$text-warning",
    "green": "$text-success",
    "cyan": "$text-primary",
    "blue": "$text-secondary",
}


def themed(style: str) -> str:
    """A style of the command's columns in the colours of the theme."""
    return _THEMED.get(style, style)


def rich_style(style: str) -> RichStyle:
    """The same for what is drawn as strips."""
    return Style.parse(themed(style)).rich_style


def line(text: str, style: str = "") -> Content:
    """Text on one line."""
    return Content.styled(one_line(text), style)


def lines(text: str, style: str = "") -> Content:
    """Text on as many lines as it has."""
    return Content.styled(clean(text), style)


def join(*parts: Content | str, gap: str = "") -> Content:
    """Parts side by side; texts are the dashboard's own."""
    return Content(gap).join([part if isinstance(part, Content) else Content(part) for part in parts])
