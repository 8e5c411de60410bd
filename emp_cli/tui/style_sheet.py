"""The dashboard's CSS."""

from textual.css.stylesheet import Stylesheet


class StyleSheet(Stylesheet):
    """Textual's style sheet, parsed again only if the theme changes. Textual parses it again for each new screen."""

    def set_variables(self, variables: dict[str, str]) -> None:
        """Take the theme's colours; others than before need another parse."""
        if variables != self._variables:
            super().set_variables(variables)

    def reparse(self) -> None:
        """Parse only what is not parsed yet; `set_variables` drops what was."""
        self.parse()
