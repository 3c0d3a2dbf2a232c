import cProfile
import io
import pstats
import trace

counted = trace.Trace(count=1, trace=0)
counted.run("x = [n for n in range(3)]")
print(sorted(key for key in counted.results().counts if key[0] == "<string>"))
profile = cProfile.Profile()
profile.runcall(sum, [1])
print(pstats.Stats(profile, stream=io.StringIO()).total_calls)
