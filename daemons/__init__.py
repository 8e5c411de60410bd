"""The long-running programs: hub, worker, simulation. They know `emp_core`, never `emp_cli`."""
