"""What the peers' programs share: how they take their turns (turns.py), as Neap's do (answer.h)."""
import sys
import time


def status_bytes(field):
    return next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith(field + ":"))


def peak(run):
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")  # VmHWM begins anew
    for _ in range(2):
        run()
    return status_bytes("VmHWM")


def seconds(run, calls, clock):
    if calls > 1:  # short calls are warmed up: the other side has run meanwhile
        run()
    start = clock()
    for _ in range(calls):
        run()
    return (clock() - start) / calls


def answer(makers, one_thread=()):
    """makers: name -> function that prepares and gives what to call. Names in `one_thread` are timed by CPU time of this thread. A line
    "NAME CALLS" is answered with the seconds of one call, "peak NAME" with the bytes that this process holds at most while it runs, beyond
    those that it held when it was ready; "forget all" frees what was made."""
    made = {}
    before = status_bytes("VmRSS")
    print("ready", flush=True)

    def run_of(name):
        if name not in made:
            made[name] = makers[name]()
            made[name]()
        return made[name]

    for line in sys.stdin:
        first, second = line.split()
        try:
            if first == "forget":
                made.clear()
                print(0, flush=True)
            elif first == "peak":
                print(peak(run_of(second)) - before, flush=True)
            else:
                print(seconds(run_of(first), int(second), time.thread_time if first in one_thread else time.perf_counter), flush=True)
        except Exception as error:  # the comparison goes on without this one, and says so
            text = str(error).strip().splitlines() or [type(error).__name__]
            print("failed:", text[0][:200], flush=True)
