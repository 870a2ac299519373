"""What people do: trials, procedures, sessions, and the window they sit at."""
