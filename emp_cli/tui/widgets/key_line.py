"""The last line of each screen: its keys."""

from textual.widgets import Footer


class KeyLine(Footer):
    """Textual's footer, but built again only if its keys change. Textual builds it again whenever the focus moves."""

    def __init__(self) -> None:
        super().__init__(show_command_palette=False)
        self._drawn: list[tuple[str, str, str, bool]] = []

    async def recompose(self) -> None:
        """Show the keys of now, if they are others."""
        if not self.is_attached:  # its screen was left since this was asked for
            return
        keys = [
            (active.binding.key, active.binding.description, active.binding.action, active.enabled)
            for active in self.screen.active_bindings.values()
            if active.binding.show
        ]
        if keys != self._drawn:
            self._drawn = keys
            await super().recompose()
