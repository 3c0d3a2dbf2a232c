import signal

for number in sorted(signal.valid_signals()):
    handler = signal.getsignal(number)
    print(int(number), getattr(handler, "__name__", handler))
print(signal.pthread_sigmask(signal.SIG_BLOCK, []), signal.sigpending())
print(signal.set_wakeup_fd(-1), signal.getitimer(signal.ITIMER_REAL))
print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)
