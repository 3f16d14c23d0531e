"""What native libraries print is held back for as long as asked, and nothing after that."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent

# Each enters while the one before it is within: without a lock every other thread finds, and puts back, no stderr.
THREADS = """
import os, sys, threading, time, warnings
from fer_bench.export.silence import silence

def work(number):
    time.sleep(number * 0.005)
    with silence():
        os.write(2, b"of a library\\n")
        warnings.warn("of Python")
        time.sleep(0.02)

threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print("afterwards", file=sys.stderr)
"""

NESTED = """
import os
from fer_bench.export.silence import silence

with silence():
    with silence():
        os.write(2, b"inner\\n")
    os.write(2, b"outer\\n")
os.write(2, b"afterwards\\n")
"""


CUT_SHORT = """
import sys
import numpy as np
from fer_bench import backend
from fer_bench.datasets.pictures import decode, opencv

backend.configure()  # Keras loads OpenCV.
noise = np.random.default_rng(0).integers(0, 256, (48, 48), np.uint8)
png = opencv().imencode(".png", noise)[1].tobytes()
try:
    decode(png[: len(png) // 2], "a.png")
except ValueError:
    print("refused", file=sys.stderr)
"""


def told_by(script: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env={name: value for name, value in os.environ.items() if not name.startswith("OPENCV_")}
        | {"PYTHONPATH": str(ROOT)},
    )
    return done.stderr


def test_after_many_threads_were_silent_stderr_is_there_again():
    assert told_by(THREADS) == "afterwards\n"


def test_silence_within_silence_stays_silent():
    assert told_by(NESTED) == "afterwards\n"


def test_without_stderr_there_is_nothing_to_silence():
    """Python has none in some services, or under pythonw: a model was said to be damaged there."""
    script = """
import sys
sys.stderr = None
from fer_bench import backend
from fer_bench.export.silence import silence
with silence(), backend._quiet_import():
    print("within")
"""
    assert told_by(script) == ""


def test_opencv_says_nothing_of_a_bad_picture_where_keras_has_loaded_it():
    assert told_by(CUT_SHORT) == "refused\n"
