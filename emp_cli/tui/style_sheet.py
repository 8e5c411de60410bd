"""The dashboard's CSS."""

from textual.css.stylesheet import Stylesheet


class StyleSheet(Stylesheet):
    """Textual's, parsed anew only when the theme changes: Textual would do so for each new screen."""

    def set_variables(self, variables: dict[str, str]) -> None:
        """Take the theme's colours; others than before need another parse."""
        if variables != self._variables:
            super().set_variables(variables)

    def reparse(self) -> None:
        """Parse what is not in the cache, which `set_variables` empties."""
        self.parse()
