"""The terminal, which may go away at any moment."""

import sys

from textual import constants
from textual.driver import Driver


def driver_class() -> type[Driver] | None:
    """The driver of this platform; None: Textual's own choice, which is the one that TEXTUAL_DRIVER names, if any."""
    if sys.platform == "win32" or constants.DRIVER:
        return None
    from textual.drivers.linux_driver import LinuxDriver

    class TerminalDriver(LinuxDriver):
        """Ends the dashboard when its terminal has gone.

        Textual's thread that writes ends then, and whatever is written afterwards would wait for it for ever.
        """

        def write(self, data: str) -> None:
            if self._is_gone:
                self._app.exit(return_code=1)
            else:
                super().write(data)

        def close(self) -> None:
            if self._is_gone:
                self._writer_thread = None
            super().close()

        @property
        def _is_gone(self) -> bool:
            thread = self._writer_thread
            return thread is not None and not thread.is_alive()

    return TerminalDriver
