"""The front end: threads, fetch, dispatch, semaphores."""
