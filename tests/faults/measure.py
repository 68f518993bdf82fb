"""Runs a command and writes what it and all that it waited for took, as JSON: `measure.py REPORT SECONDS COMMAND…`.

A process of its own, because a started program's memory is counted from that of the process that starts it.
"""

import json
import os
import signal
import subprocess
import sys
import time


def main():
    report, patience = sys.argv[1], float(sys.argv[2])
    begun = time.monotonic()
    child = subprocess.Popen(sys.argv[3:], start_new_session=True)
    options, late = os.WNOHANG, False
    while True:
        ended, status, usage = os.wait4(child.pid, options)
        if ended:
            break
        if time.monotonic() - begun > patience:
            os.killpg(child.pid, signal.SIGKILL)
            options, late = 0, True
        time.sleep(0.002)
    child.returncode = os.waitstatus_to_exitcode(status)
    with open(report, "w") as file:
        json.dump({"code": -1000 if late else child.returncode, "seconds": time.monotonic() - begun,
                   "processor": usage.ru_utime + usage.ru_stime, "memory": usage.ru_maxrss >> 10}, file)


main()
