"""Sessions of ONNX Runtime on CPU with all of its graph optimizations."""
import numpy
import onnxruntime


def session(path, threads):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def checked(path, threads, x, y, rtol, atol):
    """What runs the model on the array in the file x, once its result is found to be that in the file y."""
    made = session(path, threads)
    given = {made.get_inputs()[0].name: numpy.load(x)}
    got, wanted = made.run(None, given)[0], numpy.load(y)
    assert numpy.allclose(got, wanted, rtol=rtol, atol=atol), f"results of {path.name} differ by {abs(got - wanted).max()}"
    return lambda: made.run(None, given)
