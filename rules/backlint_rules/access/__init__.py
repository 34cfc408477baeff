"""Authentication, authorization, abuse."""
