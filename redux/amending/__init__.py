"""What people say of records after the fact: edits accepted, calls forgotten."""
