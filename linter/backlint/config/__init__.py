"""What the user has set, where from, and what is in force."""
