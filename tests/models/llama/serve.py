"""Serves a tiny language model, made here, with the HTTP server of llama.cpp.

    pip install -r requirements.txt
    python serve.py FOLDER [--port PORT] < rules.json

The rules are one line of JSON, a list of [word, text]: a conversation that has the
word is answered with the text. The first such rule counts, and the word null stands in
every conversation. The model is a llama whose weights are set and not trained: each
piece of a text is a token that the next one follows, so that answers are certain, while
template, grammar, sampling and stream are those of any model. The address is printed
once it serves, and it serves until its standard input ends.
"""

import argparse
import array
import itertools
import json
import os
import re
import struct
import sys
from pathlib import Path

import xllamacpp

CONTEXT = 32768
HEAD = 32  # components of the attention head, and so the most words that rules can have
# What counts for the next token: the one before, more than a word that is one of thousands,
# that more than a word of a later rule, and any more than nothing.
NEXT, PRESENT, LATER, ALWAYS = 1e15, 1e11, 4, 1e2
CONTROL = ["<unk>", "<s>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>", "<|tool|>"]
END, ASSISTANT = CONTROL.index("<|end|>"), CONTROL.index("<|assistant|>")
TEMPLATE = """
{%- if tools %}<|system|>Call a function with <tool_call>{"name": NAME, "arguments": OBJECT}</tool_call>. Functions:
{%- for tool in tools %}{{ '\\n' + (tool | tojson) }}{% endfor %}<|end|>{% endif %}
{%- for message in messages %}
{%- if message.role == 'assistant' %}<|assistant|>{{ message.content or '' }}
{%- for call in message.tool_calls or [] %}<tool_call>
{"name": "{{ call.function.name }}", "arguments": {{ call.function.arguments | tojson }}}
</tool_call>{% endfor %}
{%- else %}{{ '<|' + message.role + '|>' + message.content }}
{%- endif %}<|end|>{% endfor %}
{%- if add_generation_prompt %}<|assistant|>{% endif %}"""


class Vocabulary:
    """Tokens in the order of their numbers, with the kinds that llama.cpp knows."""

    UNKNOWN, CONTROL, OWN, BYTE = 2, 3, 4, 6

    def __init__(self):
        self.texts = CONTROL + [f"<0x{byte:02X}>" for byte in range(256)]
        self.kinds = [self.UNKNOWN] + [self.CONTROL] * (len(CONTROL) - 1) + [self.BYTE] * 256

    def number(self, text):
        """The token of a text, which is added when it is not there."""
        if text not in self.texts:
            self.texts.append(text)
            self.kinds.append(self.OWN)
        return self.texts.index(text)

    def chain(self, text):
        """New tokens for a text: its words, each with as many before it as make it new,
        and the bytes of letters beyond ASCII."""
        chain, grown = [], ""
        for piece in re.findall(r"\s?[!-~]+|\s|[^\x00-\x7f]", text):
            if not piece.isascii():
                chain += [self.number(f"<0x{byte:02X}>") for byte in piece.encode()]
            elif grown + piece in self.texts:
                grown += piece
            else:
                chain.append(self.number(grown + piece))
                grown = ""
        if grown:
            chain[-1] = self.number(self.texts[chain[-1]] + grown)
        return chain + [END]


class Weights:
    """A matrix that is zero but where it is set."""

    def __init__(self, rows, columns, fill=0.0):
        self.columns, self.dimensions = columns, [columns, rows] if rows > 1 else [columns]
        self.data = array.array("f", [fill]) * (rows * columns)

    def set(self, row, column, value):
        self.data[row * self.columns + column] = value


def model(rules):
    """The metadata and the tensors of a model that follows the rules."""
    vocabulary = Vocabulary()
    words = [vocabulary.number(word) for word, _ in rules if word is not None]
    chains = [vocabulary.chain(text) for _, text in rules]
    known = dict.fromkeys(itertools.chain([ASSISTANT], words, *chains))
    known = {token: place for place, token in enumerate(known)}
    size, width = len(vocabulary.texts), -(-(len(known) + len(words)) // HEAD) * HEAD

    # A token that matters is a component of its own, all others are nothing. The one
    # head attends to everything alike, and so tells which of the words were there.
    tokens, output = Weights(size, width), Weights(size, width)
    values, gathered = Weights(HEAD, width), Weights(width, HEAD)
    for token, place in known.items():
        tokens.set(token, place, 1.0)
    for rank, word in enumerate(words):
        values.set(rank, known[word], 1.0)
        gathered.set(len(known) + rank, rank, 1.0)
    rank = 0
    for (word, _), chain in zip(rules, chains):
        if word is None:
            output.set(chain[0], known[ASSISTANT], ALWAYS)
        else:
            output.set(chain[0], len(known) + rank, PRESENT / LATER**rank)
            rank += 1
        for token, following in itertools.pairwise(chain):
            output.set(following, known[token], NEXT)

    layer = {"attn_norm": Weights(1, width, 1.0), "attn_q": Weights(HEAD, width), "attn_k": Weights(HEAD, width),
             "attn_v": values, "attn_output": gathered, "ffn_norm": Weights(1, width, 1.0),
             "ffn_gate": Weights(HEAD, width), "ffn_up": Weights(HEAD, width), "ffn_down": Weights(width, HEAD)}
    tensors = {"token_embd": tokens, "output": output, "output_norm": Weights(1, width, 1.0)}
    tensors |= {f"blk.0.{name}": weights for name, weights in layer.items()}
    sizes = {"context_length": CONTEXT, "embedding_length": width, "block_count": 1, "feed_forward_length": HEAD,
             "attention.head_count": 1, "attention.key_length": HEAD, "attention.value_length": HEAD,
             "rope.dimension_count": HEAD, "attention.layer_norm_rms_epsilon": 1e-6}
    tokenizer = {"model": "llama", "tokens": vocabulary.texts, "scores": [0.0] * size, "token_type": vocabulary.kinds,
                 "unknown_token_id": 0, "bos_token_id": 1, "eos_token_id": END,
                 "add_space_prefix": False, "add_bos_token": False}
    metadata = {"general.architecture": "llama", "tokenizer.chat_template": TEMPLATE.strip()}
    metadata |= {f"llama.{name}": value for name, value in sizes.items()}
    metadata |= {f"tokenizer.ggml.{name}": value for name, value in tokenizer.items()}
    return metadata, {f"{name}.weight": weights for name, weights in tensors.items()}


def written(value):
    """A value of the metadata with its type, as GGUF writes it."""
    match value:
        case bool():
            return struct.pack("<I?", 7, value)
        case int():
            return struct.pack("<II", 4, value)
        case float():
            return struct.pack("<If", 6, value)
        case str():
            return struct.pack("<I", 8) + text(value)
        case [str(), *_]:
            return struct.pack("<IIQ", 9, 8, len(value)) + b"".join(map(text, value))
        case [float(), *_]:
            return struct.pack(f"<IIQ{len(value)}f", 9, 6, len(value), *value)
        case [int(), *_]:
            return struct.pack(f"<IIQ{len(value)}i", 9, 5, len(value), *value)


def text(value):
    encoded = value.encode()
    return struct.pack("<Q", len(encoded)) + encoded


def write(path, metadata, tensors):
    """Writes a file of the format GGUF, version 3."""
    head, data = struct.pack("<4sIQQ", b"GGUF", 3, len(tensors), len(metadata)), b""
    for name, value in metadata.items():
        head += text(name) + written(value)
    for name, weights in tensors.items():
        dimensions = weights.dimensions
        head += text(name) + struct.pack(f"<I{len(dimensions)}QIQ", len(dimensions), *dimensions, 0, len(data))
        data += weights.data.tobytes()
    path.write_bytes(head + bytes(-len(head) % 32) + data)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where the model is written")
    parser.add_argument("--port", type=int, default=0, help="0 for any")
    arguments = parser.parse_args()
    path = arguments.folder / "tiny.gguf"
    write(path, *model(json.loads(sys.stdin.readline())))
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(path)
    parameters.n_ctx = CONTEXT
    parameters.n_parallel = 1
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = 1
    parameters.port = arguments.port
    parameters.ui = False
    server = xllamacpp.Server(parameters)
    print(server.listening_address, flush=True)
    sys.stdin.read()
    os._exit(0)  # The server has threads that outlive it.


main()
