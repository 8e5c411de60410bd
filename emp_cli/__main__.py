"""`python -m emp_cli` is `emp`."""

from emp_cli.main import run

if __name__ == "__main__":
    run()
