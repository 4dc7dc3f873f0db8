"""What the peers' programs share: lines "NAME CALLS" are answered with the seconds of one call."""
import sys
import time


def answer(makers, one_thread=()):
    """makers: name -> function that prepares and gives what to call. Names in `one_thread` are timed by CPU time of this thread."""
    made = {}
    print("ready", flush=True)
    for line in sys.stdin:
        name, calls = line.split()
        try:
            if name not in made:
                made[name] = makers[name]()
            run = made[name]
            run()
            clock = time.thread_time if name in one_thread else time.perf_counter
            start = clock()
            for _ in range(int(calls)):
                run()
            print((clock() - start) / int(calls), flush=True)
        except Exception as error:  # the comparison goes on without this one, and says so
            text = str(error).strip().splitlines() or [type(error).__name__]
            print("failed:", text[0][:200], flush=True)
