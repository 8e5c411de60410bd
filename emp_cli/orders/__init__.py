"""Orders to jobs, one or thousands: which jobs, the question before, and what came of each."""
