"""One operator at a time: a Lease that is held before anything is watched, and left when it is lost."""
