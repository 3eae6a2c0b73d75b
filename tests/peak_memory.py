"""The most memory that a process held, as a program prints it that a test starts."""

PEAK = """
def peak_bytes():
    import resource, sys
    try:
        # What the operating system says otherwise has the peak of whoever started the program in it.
        with open("/proc/self/status") as status:
            return int(status.read().split("VmHWM:")[1].split()[0]) * 1024
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
"""
