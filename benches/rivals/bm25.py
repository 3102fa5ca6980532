"""nDCG@10 and hit@1 of a rival BM25 on a data set in the BEIR layout; where the queries
say `answerable`, how well its best score tells which are (AUROC).

    pip install bm25s PyStemmer          # and jieba for --tokens jieba
    python benches/rivals/bm25.py ../shared/data/retrieval/scifact
    python benches/rivals/bm25.py ../shared/data/retrieval/xquad-zh --tokens bigrams

Title and text are one field, as in the BEIR paper's own BM25. `--tokens words`
is bm25s' tokenizer with its English stopwords and the Snowball stemmer; `bigrams`
is pairs of neighboring characters, and `jieba` the usual dictionary, for Chinese.
`--missing 1/2` leaves documents out like `docent eval noanswer`.
"""

import argparse
import json
import math
import pathlib
import re
import time

import bm25s


def rows(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


def judgments(path):
    relevant = {}
    for line in path.read_text(encoding="utf-8").splitlines()[1:]:
        query, document, score = line.split("\t")
        if int(score) > 0:
            relevant.setdefault(query, {})[document] = int(score)
    return relevant


def bigrams(text):
    tokens = []
    for run in re.findall(r"[\u3400-\u9fff]+|[a-z0-9]+", text.lower()):
        if ord(run[0]) < 0x3400 or len(run) == 1:
            tokens.append(run)
        else:
            tokens += [run[at : at + 2] for at in range(len(run) - 1)]
    return tokens


def ndcg_at_10(ranked, relevant):
    gain = sum(relevant.get(document, 0) / math.log2(rank + 2) for rank, document in enumerate(ranked[:10]))
    ideal = sorted(relevant.values(), reverse=True)[:10]
    return gain / sum(value / math.log2(rank + 2) for rank, value in enumerate(ideal))


def auroc(outside, inside):
    above = sum((yes > no) + (yes == no) / 2 for yes in inside for no in outside)
    return above / (len(inside) * len(outside))


def without(missing, documents, queries, relevant):
    nth, of = map(int, missing.split("/"))
    gone = set(sorted({document for found in relevant.values() for document in found})[nth - 1 :: of])
    left = []
    for query in queries:
        there = {document not in gone for document in relevant.get(query["_id"], ())}
        if len(there) == 1:
            left.append({**query, "answerable": there.pop()})
    return [document for document in documents if document["_id"] not in gone], left


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dir", type=pathlib.Path)
    parser.add_argument("--tokens", choices=["words", "bigrams", "jieba"], default="words")
    parser.add_argument("--stemmer", default="english", help="Snowball language of --tokens words; `none` for none")
    parser.add_argument("--stopwords", default="en", help="list of --tokens words; `none` for none")
    parser.add_argument("--missing", metavar="K/N", help="leave out the K-th of each N documents that answer")
    args = parser.parse_args()

    documents = rows(args.dir / "corpus.jsonl")
    queries = rows(args.dir / "queries.jsonl")
    if args.missing:
        documents, queries = without(args.missing, documents, queries, judgments(args.dir / "qrels.tsv"))
    has_answers = "answerable" in queries[0]
    relevant = {} if has_answers else judgments(args.dir / "qrels.tsv")
    queries = [query for query in queries if has_answers or query["_id"] in relevant]
    texts = [f"{document.get('title', '')} {document['text']}" for document in documents]

    if args.tokens == "words":
        stemmer = None
        if args.stemmer != "none":
            import Stemmer

            stemmer = Stemmer.Stemmer(args.stemmer)
        stopwords = None if args.stopwords == "none" else args.stopwords

        def tokenize(all_texts):
            return bm25s.tokenize(all_texts, stopwords=stopwords, stemmer=stemmer, show_progress=False)

    elif args.tokens == "bigrams":

        def tokenize(all_texts):
            return [bigrams(text) for text in all_texts]

    else:
        import jieba

        jieba.setLogLevel("WARNING")

        def tokenize(all_texts):
            return [[token for token in jieba.lcut(text.lower()) if token.strip()] for text in all_texts]

    started = time.perf_counter()
    index = bm25s.BM25()
    index.index(tokenize(texts), show_progress=False)
    index_ms = (time.perf_counter() - started) * 1e3
    total, hits, times, scores = 0.0, 0, [], ([], [])
    for query in queries:
        started = time.perf_counter()
        tokens = tokenize([query["text"]])
        found, score = index.retrieve(tokens, k=min(10, len(documents)), show_progress=False)
        times.append((time.perf_counter() - started) * 1e6)
        if has_answers:
            scores[query["answerable"]].append(float(score[0][0]))
            continue
        ranked = [documents[at]["_id"] for at in found[0]]
        total += ndcg_at_10(ranked, relevant[query["_id"]])
        hits += ranked[0] in relevant[query["_id"]]
    times.sort()
    print(
        json.dumps(
            {
                "rival": f"bm25s {bm25s.__version__}",
                "tokens": args.tokens,
                **({"auroc": round(auroc(*scores), 4)} if has_answers else {}),
                **({} if has_answers else {"ndcg_at_10": round(total / len(queries), 4)}),
                **({} if has_answers else {"hit_at_1": round(hits / len(queries), 4)}),
                "n_docs": len(documents),
                "n_queries": len(queries),
                "index_ms": round(index_ms, 1),
                "p50_us": round(times[len(times) // 2]),
            }
        )
    )


if __name__ == "__main__":
    main()
