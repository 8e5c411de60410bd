"""What every part of emp shares: the domain, the Redis data layer and the client.

`domain` is pure, `store` is the only speaker of Redis, `client` is what programs use: `from emp_core import Emp`.
"""

from typing import TYPE_CHECKING

from emp_core.on_demand import on_demand

if TYPE_CHECKING:
    from emp_core.client.async_emp import AsyncEmp
    from emp_core.client.emp import Emp

__all__ = ["AsyncEmp", "Emp", "__version__"]

__version__ = "0.1.0"

# Every other part of emp would pay for the clients.
__getattr__ = on_demand(__name__, {"emp_core.client.async_emp": "AsyncEmp", "emp_core.client.emp": "Emp"})
