"""A rival for `docent eval intents`: TF-IDF of words and pieces with a linear SVM.

    pip install scikit-learn
    python benches/rivals/svm.py --train train.jsonl --test test.jsonl

Closed accuracy, and how well the best margin tells messages from those labeled
`oos` (AUROC); in-scope accuracy and oos recall at the margin that treats most
messages of the test file right.
"""

import argparse
import json
import time

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_union
from sklearn.svm import LinearSVC

NONE = "oos"


def rows(path):
    with open(path, encoding="utf-8") as file:
        found = [json.loads(line) for line in file if line.strip()]
    return [row["text"] for row in found], [row["label"] for row in found]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", required=True)
    parser.add_argument("--test", required=True)
    args = parser.parse_args()

    train = [(text, label) for text, label in zip(*rows(args.train)) if label != NONE]
    texts, labels = rows(args.test)
    features = make_union(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True),
        TfidfVectorizer(ngram_range=(3, 5), analyzer="char_wb", sublinear_tf=True),
    )
    started = time.perf_counter()
    model = LinearSVC().fit(features.fit_transform([text for text, _ in train]), [label for _, label in train])
    train_ms = (time.perf_counter() - started) * 1e3
    margins = model.decision_function(features.transform(texts))
    best = model.classes_[margins.argmax(axis=1)]
    margin = margins.max(axis=1)
    inside = [label != NONE for label in labels]
    right = [label == guess for label, guess in zip(labels, best)]
    report = {
        "rival": "TF-IDF + linear SVM",
        "closed_accuracy": round(sum(right) / sum(inside), 4),
        "train_ms": round(train_ms),
    }
    if not all(inside):
        report["auroc"] = round(float(roc_auc_score(inside, margin)), 4)
        joint = lambda bar: sum(r if m >= bar else not i for r, i, m in zip(right, inside, margin))
        bar = max(margin, key=joint)
        report["in_scope_accuracy"] = round(sum(r for r, m in zip(right, margin) if m >= bar) / sum(inside), 4)
        rejected = sum(m < bar for m, i in zip(margin, inside) if not i)
        report["oos_recall"] = round(rejected / (len(inside) - sum(inside)), 4)
    print(json.dumps(report))


if __name__ == "__main__":
    main()
