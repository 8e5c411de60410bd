"""A browser in the place of a terminal; `emp dashboard --web` starts the dashboard with this driver."""

from textual.drivers.web_driver import WebDriver
from textual.messages import ExitApp


class BrowserDriver(WebDriver):
    """Ends the dashboard when the server has gone, or wants it to end: it closes the pipe for that."""

    def write(self, data: str) -> None:
        try:
            super().write(data)
        except BrokenPipeError:
            self._app.exit(return_code=1)

    def write_meta(self, data: dict[str, object]) -> None:
        try:
            super().write_meta(data)
        except BrokenPipeError:
            self._app.exit(return_code=1)

    def run_input_thread(self) -> None:
        """Read keys until the pipe is closed."""
        super().run_input_thread()
        self._app.post_message(ExitApp())
