"""`python -m daemons.hub`: a hub in the foreground, set up by the environment and `.env.hub`."""

import sys

from daemons.hub.server import run_hub
from daemons.hub.settings import HubSettings
from daemons.lifecycle import run_daemon
from daemons.logs import configure_logs
from emp_core.environment import load_settings
from emp_core.errors import AccessDenied, EmpError, Misconfigured, QueueUnavailable

DEFAULT_REDIS = "redis://localhost:6379/0"

EXIT_CODES = ((AccessDenied, 4), (Misconfigured, 2), (QueueUnavailable, 5), (EmpError, 1))


def main() -> int:
    """0 where it was asked to stop; else a line and an exit code, as of `emp hub start`."""
    try:
        settings = load_settings(HubSettings)
        configure_logs(settings.log_level, settings.log_format)
        run_daemon(run_hub(settings, settings.url or DEFAULT_REDIS))
    except EmpError as error:
        hint = f"hint: {error.hint}\n" if error.hint else ""
        sys.stderr.write(f"error: {error.message}\n{hint}")
        return next(code for kind, code in EXIT_CODES if isinstance(error, kind))
    except KeyboardInterrupt:  # before it listened
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
