"""The dashboard's own themes. Textual's others, those of 16 colours too, are in the palette."""

from textual.theme import Theme

SIXTEEN_COLORS = "ansi-dark"
"""The theme of Textual's for terminals that have only these."""

DARK = Theme(
    name="emp-dark",
    dark=True,
    primary="#5fafd7",
    secondary="#87afaf",
    accent="#d7af5f",
    success="#87af5f",
    warning="#d7af5f",
    error="#d75f5f",
    foreground="#d0d0d0",
    background="#16181c",
    surface="#1c1f24",
    panel="#262a31",
)

LIGHT = Theme(
    name="emp-light",
    dark=False,
    primary="#005f87",
    secondary="#5f8787",
    accent="#875f00",
    success="#3f7f1f",
    warning="#875f00",
    error="#af0000",
    foreground="#262626",
    background="#fafafa",
    surface="#f0f0f0",
    panel="#e0e4e8",
)
