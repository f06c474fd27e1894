"""Times onnxruntime on the published all-MiniLM-L6-v2, whose shape the embedded encoder has (time does not depend on the weights), dynamically quantised to int8, on one thread: the baseline of `reprise bench embed`.

    pip install -r requirements.txt -r requirements-onnx.txt
    python onnx_baseline.py [--model DIR] [--lengths 8,16,32,128] [--rounds 30] [--verifier-layers 12] [--check]

Prints one JSON object: milliseconds a sequence of each length, the median and the least of the rounds, for two graphs of the encoder and
for two of the verifier's shape, which has as many layers as asked for (the encoder's, over again; time does not depend on the weights) and
no head:
"plain" as an exporter writes the model, and "fused", with the operators that onnxruntime's transformer optimiser puts in
(Attention, SkipLayerNormalization, BiasGelu). Both are quantised by onnxruntime.quantization.quantize_dynamic with int8
weights, one scale an output channel where the operator can. Mean pooling and the unit length are in the graphs; the tokenizer is
not. With --check it compares the float graphs and reference_model.py on a few texts first.
"""

import argparse
import json
import pathlib
import statistics
import sys
import tempfile
import time

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

import convert
from reference_model import HEADS, HIDDEN, LAYERS, Reference

SIZE = HIDDEN // HEADS


class Graph:
    """A list of nodes and of constants, with fresh names."""

    def __init__(self):
        self.nodes, self.constants, self.count = [], [], 0

    def constant(self, value):
        self.count += 1
        name = f"c{self.count}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def __call__(self, op, *inputs, outputs=1, domain="", **attributes):
        self.count += 1
        names = [f"{op}{self.count}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(op, list(inputs), names, name=names[0], domain=domain, **attributes))
        return names[0]

    def model(self, output, path):
        ids = helper.make_tensor_value_info("ids", TensorProto.INT64, [1, "tokens"])
        out = helper.make_tensor_value_info(output, TensorProto.FLOAT, [1, HIDDEN])
        graph = helper.make_graph(self.nodes, "minilm", [ids], [out], self.constants)
        opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
        onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)


def build(t, fused, layers, path):
    """Writes the float32 model, with pooling, as an ONNX file."""
    g = Graph()

    def norm(x, name):
        return g("LayerNormalization", x, g.constant(t[name + ".weight"]), g.constant(t[name + ".bias"]), axis=-1, epsilon=1e-12)

    def linear(x, name, bias=True):
        y = g("MatMul", x, g.constant(t[name + ".weight"].T))
        return g("Add", y, g.constant(t[name + ".bias"])) if bias else y

    def add_norm(x, residual, dense, name):
        if not fused:
            return norm(g("Add", linear(x, dense), residual), name)
        parts = (t[name + ".weight"], t[name + ".bias"], t[dense + ".bias"])
        return g("SkipLayerNormalization", linear(x, dense, bias=False), residual, *map(g.constant, parts), domain="com.microsoft", epsilon=1e-12)

    def heads(x, perm):
        return g("Transpose", g("Reshape", x, g.constant(np.array([1, -1, HEADS, SIZE]))), perm=perm)

    def attention(x, p):
        names = [p + "attention.self." + n for n in ("query", "key", "value")]
        if fused:
            w = np.concatenate([t[n + ".weight"].T for n in names], axis=1)
            b = np.concatenate([t[n + ".bias"] for n in names])
            return g("Attention", x, g.constant(w), g.constant(b), domain="com.microsoft", num_heads=HEADS)
        q, k, v = (linear(x, n) for n in names)
        q, k, v = heads(q, [0, 2, 1, 3]), heads(k, [0, 2, 3, 1]), heads(v, [0, 2, 1, 3])
        scores = g("Softmax", g("Div", g("MatMul", q, k), g.constant(np.float32(SIZE**0.5))), axis=-1)
        rows = g("Transpose", g("MatMul", scores, v), perm=[0, 2, 1, 3])
        return g("Reshape", rows, g.constant(np.array([1, -1, HIDDEN])))

    def gelu(x, name):
        if fused:
            return g("BiasGelu", linear(x, name, bias=False), g.constant(t[name + ".bias"]), domain="com.microsoft")
        x = linear(x, name)
        erf = g("Erf", g("Div", x, g.constant(np.float32(2**0.5))))
        return g("Mul", g("Mul", x, g("Add", erf, g.constant(np.float32(1)))), g.constant(np.float32(0.5)))

    words = g("Gather", g.constant(t["embeddings.word_embeddings.weight"]), "ids")
    length = g("Shape", "ids", start=1)
    zero, one = g.constant(np.array([0])), g.constant(np.array([1]))
    places = g("Slice", g.constant(t["embeddings.position_embeddings.weight"] + t["embeddings.token_type_embeddings.weight"][0]), zero, length, zero, one)
    x = norm(g("Add", words, places), "embeddings.LayerNorm")
    for i in range(layers):
        p = f"encoder.layer.{i % LAYERS}."
        x = add_norm(attention(x, p), x, p + "attention.output.dense", p + "attention.output.LayerNorm")
        x = add_norm(gelu(x, p + "intermediate.dense"), x, p + "output.dense", p + "output.LayerNorm")
    mean = g("ReduceMean", x, axes=[1], keepdims=0)
    g.model(g("LpNormalization", mean, axis=-1, p=2), path)


def session(path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def check(reference, sessions):
    for text in ("", "How do I reset my password?", "The train leaves from platform 7 at 18:42. " * 12):
        (ids,) = reference.windows(text)
        want = reference.embed(text)
        for name, s in sessions.items():
            got = s.run(None, {"ids": np.array([ids], np.int64)})[0][0]
            cosine = float(got @ want)
            print(f"{name}: {len(ids)} tokens, cosine {cosine:.6f}", file=sys.stderr)
            if cosine < 0.9999 and "int8" not in name:
                sys.exit(f"onnx_baseline: the {name} graph is not the reference's model")


def times(sessions, lengths, rounds):
    """Median and least milliseconds by graph and length; the rounds of the graphs alternate."""
    result = {name: {} for name in sessions}
    rng = np.random.default_rng(1)
    for n in lengths:
        ids = np.concatenate([[101], rng.integers(1996, 29000, n - 2), [102]])[None].astype(np.int64)
        repeat = max(1, 256 // n)
        seen = {name: [] for name in sessions}
        for name, s in sessions.items():
            s.run(None, {"ids": ids})
        for _ in range(rounds):
            for name, s in sessions.items():
                start = time.perf_counter()
                for _ in range(repeat):
                    s.run(None, {"ids": ids})
                seen[name].append((time.perf_counter() - start) * 1000 / repeat)
        for name, values in seen.items():
            result[name][str(n)] = {"median_ms": round(statistics.median(values), 4), "least_ms": round(min(values), 4)}
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", type=pathlib.Path, help="folder with model.safetensors and tokenizer.json")
    parser.add_argument("--lengths", default="8,16,32,128")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--verifier-layers", type=int, default=12)
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temp:
        model_dir = args.model or convert.download(temp)
        convert.check(model_dir / "model.safetensors", convert.SOURCE_SHA256)
        reference = Reference(model_dir)

        def sessions(layers):
            floats, ints = {}, {}
            for name in ("plain", "fused"):
                source, target = pathlib.Path(temp) / f"{name}.onnx", pathlib.Path(temp) / f"{name}.int8.onnx"
                build(reference.t, name == "fused", layers, source)
                quantize_dynamic(source, target, per_channel=True, weight_type=QuantType.QInt8, extra_options={"DefaultTensorType": TensorProto.FLOAT})
                floats[name], ints[name] = session(source), session(target)
            return floats, ints

        floats, ints = sessions(LAYERS)
        if args.check:
            check(reference, floats | {name + " int8": s for name, s in ints.items()})
        lengths = [int(n) for n in args.lengths.split(",")]
        report = {"onnxruntime": onnxruntime.__version__, "threads": 1, "times": times(ints, lengths, args.rounds)}
        del floats, ints  # so that the larger graphs do not share memory with them
        report["verifier"] = times(sessions(args.verifier_layers)[1], lengths, args.rounds)
    print(json.dumps(report))


if __name__ == "__main__":
    main()
