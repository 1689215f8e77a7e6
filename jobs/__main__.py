"""`python -m jobs`: the worker. What it forks loads again what a process was started as, but not a `__main__`."""

from jobs.worker import main

if __name__ == "__main__":
    main()
