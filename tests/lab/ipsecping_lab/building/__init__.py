"""Programs and images, built once and kept in the user's cache, keyed by what they are built from."""
