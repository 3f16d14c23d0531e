"""Whether what is installed can be imported: a file or a library of the system may be missing all the same."""

from fer_bench.doctor.finding import Finding
from fer_bench.doctor.packages import is_installed
from fer_bench.interpreter import ANSWER, run

MODULES = {
    "numpy": "numpy",
    "opencv-python-headless": "cv2",
    "pillow": "PIL.Image",
    "simplejpeg": "simplejpeg",
    "scikit-learn": "sklearn.model_selection",
    "scipy": "scipy.stats",
    "statsmodels": "statsmodels.stats.oneway",
    "matplotlib": "matplotlib.figure",
}
"""By required package, of those with compiled code but the backend's, a module that fer-bench imports."""
OPTIONAL = {
    "ai-edge-litert": "ai_edge_litert.interpreter",
    "onnx": "onnx",
    "onnxruntime": "onnxruntime",
    "openvino": "openvino",
    "tf2onnx": "tf2onnx",
}
"""The same of extras, and tf2onnx, which a newer numpy may break: without them some commands do not work."""
_NEEDS = {"tf2onnx": "tensorflow"}
"""What a package imports without requiring it; another backend does without."""
_TRY = f"""
import importlib, json, sys
for name in sys.argv[1:]:
    print("\\n{ANSWER}" + json.dumps([name, "the process ended"]), flush=True)
    try:
        importlib.import_module(name)
        reason = ""
    except Exception as error:
        reason = f"{{type(error).__name__}}: {{error}}"
    print("\\n{ANSWER}" + json.dumps([name, reason]), flush=True)
"""


def check_imports() -> list[Finding]:
    """Import packages in a process of its own, where a crash does no harm; return those that cannot be.

    Of one that is not installed at all :func:`fer_bench.doctor.packages.check_packages` tells. What the others lack may
    be a library of the system, or files that another package of the same module took with it when it was removed.
    """
    modules = {
        package: module
        for package, module in (MODULES | OPTIONAL).items()
        if package not in _NEEDS or is_installed(_NEEDS[package])
    }
    ended = run("-c", _TRY, *modules.values())
    reasons = dict(ended.answers)
    found = [
        Finding(
            check=f"import of {package}",
            state="error" if package in MODULES else "warning",
            found=" ".join(reasons[module].split()),
            advice=f"pip install --force-reinstall --no-deps {package}",
        )
        for package, module in modules.items()
        if reasons.get(module) and is_installed(package)
    ]
    if found:
        return found
    if len(reasons) < len(modules):
        last = ended.last_words or f"ended by signal or code {ended.code}"
        return [Finding(check="imports", state="error", found=last, advice="install fer-bench again")]
    return [Finding(check="imports", state="ok", found="what is installed can be imported")]
