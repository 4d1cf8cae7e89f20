"""Counts tokens with the peer's tokenizer, run by its interpreter: texts in, numbers out, as JSON."""

import json
import sys

import litellm

if __name__ == "__main__":
    texts = json.load(sys.stdin)
    json.dump([len(litellm.encode(model="gpt-4", text=text)) for text in texts], sys.stdout)
