"""What people type: arguments, options that several commands share, and completion."""
