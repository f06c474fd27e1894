"""python -m unittest pipeline_test: splits, rules and figures, without the published models. Needs no data but what it writes."""

import json
import pathlib
import random
import sys
import tempfile
import unittest

import numpy as np
import onnx
import torch
from safetensors.torch import save_file

import authored
import conversation
import data
import evaluate
import lexicon
import measure
import model
import rendering
import start

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))
import finetune  # noqa: E402


class FakeWordNet:
    def antonyms(self, word):
        return ["short"] if word == "long" else []

    def sisters(self, word):
        return ["cheese"] if word == "bread" else []

    def synonyms(self, word):
        return []

    def defined(self):
        return [(["rye bread", "ryebread"], "any of various breads made with rye flour", ["bread made of barley meal", "pita"], "food")]


def read(rows):
    """The pairs that are read of a folder with these rows in a file."""
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / "authored_pairs.jsonl").write_text("\n".join(map(json.dumps, rows)))
        return authored.read(pathlib.Path(folder))


class Parts(unittest.TestCase):
    def test_no_heldout_question_is_trained_on(self):
        rows = [{"a": f"q{i}", "b": f"r{i}", "same": True, "kind": "near", "set": "a"} for i in range(30 * 20)]
        rows[0]["a"] = "R75"  # stands in the held-out third domain, in other case
        pairs = read(rows)
        heldout = {t.lower() for p in pairs if p.part == "heldout" for t in (p.a, p.b)}
        rest = {t.lower() for p in pairs if p.part != "heldout" for t in (p.a, p.b)}
        self.assertEqual(len([p for p in pairs if p.part == "heldout"]), 120)
        self.assertFalse(heldout & rest)
        self.assertEqual(len(pairs), len(rows) - 1)

    def test_a_named_domain_outlives_dropped_rows(self):
        row = {"a": "x", "b": "y", "same": True, "kind": "near", "set": "a", "domain": "a07"}
        (pair,) = read([row])
        self.assertEqual((pair.domain, pair.part), ("a07", "heldout"))

    def test_a_set_may_serve_one_purpose(self):
        rows = [
            {"a": "held out", "b": "x", "same": True, "kind": "near", "set": "a", "domain": "a02"},
            {"a": "to calibrate", "b": "y", "same": True, "kind": "near", "set": "s", "domain": "s02"},
            {"a": "to calibrate", "b": "Held out", "same": False, "kind": "near", "set": "s", "domain": "s03"},
            {"a": "to train", "b": "z", "same": True, "kind": "near", "set": "r", "domain": "r02"},
            {"a": "to train", "b": "TO CALIBRATE", "same": False, "kind": "near", "set": "r", "domain": "r02"},
        ]
        pairs = read(rows)
        self.assertEqual([(p.a, p.part) for p in pairs], [("held out", "heldout"), ("to calibrate", "calibration"), ("to train", "train")])

    def test_a_neighbour_that_was_found_may_be_trained_on(self):
        rows = [
            {"a": "to calibrate", "b": "x", "same": True, "kind": "near", "set": "s", "domain": "s02"},
            {"a": "to train", "b": "to calibrat", "same": False, "kind": "other", "set": "x", "domain": "x000"},
            {"a": "to train", "b": "y", "same": True, "kind": "near", "set": "r", "domain": "r02"},
            {"a": "to calibrate", "b": "y", "same": False, "kind": "other", "set": "w", "domain": "w000"},
        ]
        pairs = read(rows)
        self.assertEqual([(p.b, p.part, p.found) for p in pairs], [("x", "calibration", False), ("to calibrat", "calibration", True), ("y", "train", False)])

    def test_neighbours_are_of_other_labels_and_not_the_nearest_of_all(self):
        turns = np.linspace(0, np.pi, 60, endpoint=False)
        texts = [(f"How wide is the number {i} bridge?", f"d{i % 7}") for i in range(60)]
        label = dict(texts)
        rules = data.Rules(random.Random(10), [t for t, _ in texts], FakeWordNet())
        rows = data.neighbours(rules, random.Random(10), texts, np.stack([np.cos(turns), np.sin(turns)], 1), 100)
        self.assertEqual(len(rows), 100)
        at = {t: i for i, (t, _) in enumerate(texts)}
        for r in rows:
            self.assertFalse(r["same"])
            if r["b"] in label:  # no slip of the pen
                self.assertNotEqual(label[r["a"]], label[r["b"]])
                self.assertLess(np.cos(turns[at[r["a"]]] - turns[at[r["b"]]]), 0.55)

    def test_question_pairs_split_by_component(self):
        rows = [{"a": f"{i}", "b": f"{i + 1 if i % 3 else i}x", "same": False} for i in range(600)]
        parts = data.split_qqp(rows, random.Random(1), heldout=100, dev=50)
        texts = {n: {t for r in rs for t in (r["a"], r["b"])} for n, rs in parts.items()}
        self.assertFalse(texts["heldout"] & texts["train"] or texts["heldout"] & texts["dev"] or texts["dev"] & texts["train"])
        self.assertEqual(sum(map(len, parts.values())), len(rows))


class RuleMade(unittest.TestCase):
    TEXTS = ["How do I enable 2 backups in Word?", "Is the long bread from Paris to Rome cheap?", "What is the best way to learn French by March?"]

    def made(self, seed):
        rules = data.Rules(random.Random(seed), self.TEXTS, FakeWordNet())
        drawn = [f() for f in (rules.turned, rules.defined) for _ in range(50)]
        return [rules.trap(t) for t in self.TEXTS * 50], [rules.near(t) for t in self.TEXTS * 50], drawn

    def test_equal_seeds_give_equal_pairs(self):
        self.assertEqual(self.made(3), self.made(3))
        self.assertNotEqual(self.made(3), self.made(4))

    def test_every_word_of_the_lists_has_its_forms(self):
        texts = ["We met on Friday in september."]
        rules = data.Rules(random.Random(6), texts, FakeWordNet())
        for table in (rules.opposites, rules.siblings, rules.spellings, rules.short):
            self.assertTrue(all(word == word.lower() and forms for word, forms in table.items()))
        for _ in range(200):
            self.assertTrue(rules.near(texts[0]))

    def test_turned_ends_are_traps(self):
        rules = data.Rules(random.Random(8), self.TEXTS, FakeWordNet())
        drawn = [rules.turned() for _ in range(400)]
        self.assertTrue(0.3 < sum(same for _, _, same in drawn) / 400 < 0.6)
        rows = [forms for forms in lexicon.DIRECTIONS if len(forms) < 3 or any("{a}" not in f or "{b}" not in f for f in forms[1:])]
        self.assertFalse(rows)

    def test_a_slip_keeps_the_words(self):
        rules = data.Rules(random.Random(9), self.TEXTS, FakeWordNet())
        text = "How can I connect my printer to the router?"
        for _ in range(200):
            words = rules._typo(text).split()
            changed = [(a, b) for a, b in zip(text.split(), words) if a != b]
            self.assertEqual(len(words), 9)
            self.assertLessEqual(len(changed), 1)
            self.assertTrue(all(abs(len(a) - len(b)) <= 1 for a, b in changed))

    def test_traps_differ_from_their_question(self):
        traps, near, drawn = self.made(5)
        for text, trap in zip(self.TEXTS * 50, traps):
            self.assertIsNotNone(trap, text)
            self.assertNotEqual(trap[0].lower(), text.lower())
        self.assertTrue(all(near))
        self.assertTrue(all(a.lower() != b.lower() for a, b, _ in drawn))


def chat(*said):
    return [{"role": ("user", "assistant")[i % 2], "content": t} for i, t in enumerate(said)]


class Conversations(unittest.TestCase):
    def test_rendering(self):
        for want, said in {
            "Is it open? | I'm in Ghent.": ("Hello! I'm in Ghent.", "Lovely!", "Is it open?"),
            "a\n b | c": ("a\n b | c",),
            "yes. | Cancel it. Order 5 or 6?": ("Cancel it", "Order 5 or 6?", "yes"),
            "By the way, how many large moons does Mars have? | Always answer in French.": (
                "Always answer in French. Weather in Lyon?", "Pluie, 12 degrés.", "By the way, how many large moons does Mars have?"
            ),
            "x / y. | a / b.": ("a | b", "Great.", "x | y"),
        }.items():
            self.assertEqual(rendering.render(chat(*said)), want)

    def test_what_finds_no_room_is_compared_otherwise(self):
        long = " ".join(f"w{i}" for i in range(200)) + "."
        text, equal = rendering.reduced(chat(long, "Great.", "So?"))
        self.assertEqual((text, equal), ("So?", [long.encode()]))

    def test_pairs(self):
        rows = [
            {"a": chat(f"My plan number {i} has 20 GB for a week in town {i}.", "Yes.", "How much?"), "same": True, "kind": "reworded", "set": "a"}
            for i in range(30)
        ]
        for r in rows:
            r["b"] = chat("Hi. " + r["a"][0]["content"], "Right.", "How much is it?")
        rows[0]["b"][0] = rows[2]["a"][0]  # a turn of a held-out pair
        with tempfile.TemporaryDirectory() as folder:
            (pathlib.Path(folder) / "authored_conversations_x.jsonl").write_text("\n".join(map(json.dumps, rows)))
            made = conversation.pairs(pathlib.Path(folder))
            self.assertEqual(made, conversation.pairs(pathlib.Path(folder)))
        own = [r for r in made if r["from"] == "conversation"]
        self.assertEqual(len(own), 29)
        heldout = {r["a"] for r in own if r["part"] == "heldout"}
        self.assertEqual(len(heldout), 6)
        self.assertFalse([r for r in made if r["part"] != "heldout" and r["a"] in heldout])
        self.assertTrue(all(r["same"] or r["a"] != r["b"] for r in made))
        self.assertTrue([r for r in made if not r["same"]])


class Start(unittest.TestCase):
    def test_a_matrix_is_named_by_its_bias(self):
        constant = lambda n, v: onnx.numpy_helper.from_array(np.array(v, np.float32), n)  # noqa: E731
        helper = onnx.helper
        nodes = [
            helper.make_node("MatMul", ["x", "onnx::MatMul_7"], ["product"]),
            helper.make_node("Add", ["encoder.layer.0.out.bias", "product"], ["y"]),
        ]
        constants = [constant("onnx::MatMul_7", [[1, 2, 3], [4, 5, 6]]), constant("encoder.layer.0.out.bias", [7, 8, 9]), constant("other", [0])]
        graph = helper.make_graph(nodes, "g", [], [], constants)
        found = start.tensors(graph)
        self.assertEqual(sorted(found), ["encoder.layer.0.out.bias", "encoder.layer.0.out.weight"])
        self.assertEqual(found["encoder.layer.0.out.weight"].tolist(), [[1, 4], [2, 5], [3, 6]])

    def test_what_is_added_to_the_words_is_scaled_alike(self):
        at, kind, norm = "embeddings.position_embeddings.weight", "embeddings.token_type_embeddings.weight", "embeddings.LayerNorm.weight"
        model = {start.WORDS: np.eye(2), at: np.ones((3, 2)), kind: np.ones((2, 2)), norm: np.ones(2)}
        made = start.exchange(model, 4 * np.eye(2)[::-1])
        self.assertEqual(made[start.WORDS].tolist(), [[0, 4], [4, 0]])
        self.assertEqual([float(made[n].max()) for n in (at, kind, norm)], [4, 4, 1])


class Encoder(unittest.TestCase):
    CONFIG = {
        "hidden_size": 24, "layer_norm_eps": 1e-12, "vocab_size": 50, "max_position_embeddings": 16, "type_vocab_size": 2,
        "num_attention_heads": 12, "intermediate_size": 48, "num_hidden_layers": 2,
    }  # fmt: skip

    def test_what_is_written_is_read_as_it_was(self):
        torch.manual_seed(3)
        trunk = model.Trunk(self.CONFIG)
        with tempfile.TemporaryDirectory() as folder:
            (pathlib.Path(folder) / "config.json").write_text(json.dumps(self.CONFIG))
            words = {"embeddings.word_embeddings.weight": trunk.word.weight.detach()}
            save_file(finetune.published_names(trunk, words), pathlib.Path(folder) / "model.safetensors")
            again = model.Trunk.load(pathlib.Path(folder))
        for name, tensor in trunk.state_dict().items():
            self.assertTrue(torch.equal(tensor, again.state_dict()[name]), name)

    def test_vectors_do_not_depend_on_their_company(self):
        torch.manual_seed(4)
        trunk = model.Trunk(self.CONFIG).train()
        rows = [([2, 9, 11, 3], [0] * 4), ([2, 3], [0] * 2), ([2, 7, 7, 30, 31, 3], [0] * 6)]
        together = finetune.vectors(trunk, rows)
        for row, v in zip(rows, together, strict=True):
            self.assertGreater(float((finetune.vectors(trunk, [row])[0] @ v).detach()), 0.999)

    def test_a_partner_that_is_farther_than_a_trap_costs(self):
        a, near, far = torch.tensor([1.0, 0.0]), torch.tensor([0.9, 0.436]), torch.tensor([0.5, 0.866])
        good = finetune.loss_of(torch.stack([a, near, far]), 1)
        bad = finetune.loss_of(torch.stack([a, far, near]), 1)
        self.assertLess(float(good), 0.01)
        self.assertGreater(float(bad), 1.0)


class Figures(unittest.TestCase):
    def test_accepted(self):
        scores = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4])
        same = np.array([True, False, True, True, False, False])
        self.assertAlmostEqual(measure.accepted(scores, same, 0.05), 1 / 3)
        self.assertAlmostEqual(measure.accepted(scores, same, 0.34), 1.0)

    def test_average_precision(self):
        self.assertAlmostEqual(measure.average_precision(np.array([3.0, 2, 1]), np.array([True, False, True])), (1 + 2 / 3) / 2)
        self.assertAlmostEqual(measure.average_precision(np.ones(4), np.array([True, False, False, False])), 1 / 4)

    def test_subjects(self):
        asked = [{"a": "x", "b": "y"}, {"a": "z", "b": "v"}, {"a": "w", "b": "Y"}, {"a": "W", "b": "u"}, {"a": "x", "b": "y", "domain": "a02"}]
        of = evaluate.subjects(asked)
        self.assertEqual([of.index(s) for s in of], [0, 1, 0, 0, 4])

    def test_pairs_of_one_subject_are_drawn_together(self):
        rng = np.random.default_rng(1)
        same = rng.random(300) < 0.5
        scores = rng.random(300) + 0.5 * same
        own = [str(i) for i in range(300)]
        once = measure.interval(measure.average_precision, scores, same, own)
        five = measure.interval(measure.average_precision, *(np.repeat(x, 5) for x in (scores, same)), np.repeat(own, 5))
        self.assertLess(once[1] - once[0], 0.2)
        for a, b in zip(once, five, strict=True):  # five times over they tell no more
            self.assertAlmostEqual(a, b, delta=0.02)


if __name__ == "__main__":
    unittest.main()
