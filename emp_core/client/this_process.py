"""Who asks where a person runs a program on a machine that reaches Redis."""

import getpass
import os
import socket

from emp_core.domain.caller import Caller, local_caller
from emp_core.ids import new_nonce


def this_process(*, read_only: bool = False) -> Caller:
    """The user who runs this process. Its calls share one request id."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # in a container a user may have no name
        user = str(os.getuid())
    return local_caller(user, socket.gethostname(), new_nonce(), read_only=read_only)
