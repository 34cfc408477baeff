"""What a change introduces: the changed files at both revisions, and what is found only at the later one."""
