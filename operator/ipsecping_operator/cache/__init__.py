"""What the watches have shown of each check, and the comparison of that with what the API holds."""
