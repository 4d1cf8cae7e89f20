"""Secrets in what a change adds: found, told without repeating them, and not seen where there are none."""

import base64
import hashlib
import random
import re
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import pushpals
from pushpals.policy.secrets import find_secrets, find_secrets_in_text, kinds_of_secret

ALNUM = string.ascii_letters + string.digits


def invented(length: int, alphabet: str = ALNUM) -> str:
    """Return a value that looks random; built here, so that no secret-like text stands in this file."""
    return "".join(random.Random(length).choices(alphabet, k=length))


SECRETS = {
    "installation token": "ghs_" + invented(36),
    "token in a URL": "https://x-access-token:ghp_" + invented(36) + "@github.com/o/r",
    "long token with dots": "ghs_" + invented(60) + "." + invented(100),
    "fine-grained token": "github_pat_" + invented(22) + "_" + invented(59),
    "gitlab": "glpat-" + invented(20),
    "private key": "-----BEGIN " + "RSA PRIVATE KEY-----",
    "openssh key": "-----BEGIN " + "OPENSSH PRIVATE KEY-----",
    "key in a string": 'KEY = "-----BEGIN ' + 'PRIVATE KEY-----\\nMIIE"',
    "aws": "AKIA" + invented(16, string.ascii_uppercase + string.digits),
    "google": "AIza" + invented(35),
    "slack": "xoxb-" + invented(12, string.digits) + "-" + invented(24),
    "openai": "sk-proj-" + invented(40) + "7" + invented(40),
    "anthropic": "sk-ant-api03-" + invented(60) + "4" + invented(30),
    "npm": "npm_" + invented(36),
    "stripe": "sk_live_" + invented(24),
    "json web token": "eyJ" + invented(20) + ".eyJ" + invented(30) + "." + invented(43),
    "basic auth": "postgres://app:" + invented(12) + "@db.example.com/x",
    "npmrc": "//registry.example.com/:_authToken=npm_" + invented(35),
    "sendgrid": "SG." + invented(22) + "." + invented(43),
    "assignment": f'api_key = "{invented(32)}"',
    "json": f'  "clientSecret": "{invented(40)}",',
    "yaml": f"db_password: '{invented(24)}'",
}


@pytest.mark.parametrize("text", SECRETS.values(), ids=SECRETS.keys())
def test_a_secret_is_found_and_never_repeated(text: str) -> None:
    (finding,) = find_secrets({"app.py": [(7, text)]})
    assert (finding.rule, finding.path, finding.line, finding.blocking) == ("secret", "app.py", 7, True)
    for word in re.findall(r"[A-Za-z0-9]{12,}", text):
        assert word not in finding.message


@pytest.mark.parametrize("text", SECRETS.values(), ids=SECRETS.keys())
def test_a_comment_cannot_allow_a_secret(text: str) -> None:
    assert kinds_of_secret(f"{text}  # pragma: allowlist secret")


def test_a_dummy_in_a_test_is_a_finding_too() -> None:
    assert kinds_of_secret("TOKEN = 'ghp_" + "x" * 36 + "'")


HARMLESS = [
    f'"integrity": "sha512-{base64.b64encode(hashlib.sha512(b"a").digest()).decode()}",',
    f"    --hash=sha256:{hashlib.sha256(b'b').hexdigest()} \\",
    f"example.com/errors v0.9.1 h1:{base64.b64encode(hashlib.sha256(b'c').digest()).decode()}",
    f'checksum = "{hashlib.sha256(b"d").hexdigest()}"',
    f"uses: actions/checkout@{hashlib.sha256(b'e').hexdigest()[:40]}  # v4",
    'password = os.environ["DB_PASSWORD"]',
    "password = getpass.getpass()",
    'token = "your-token-goes-here-please"',
    'API_KEY = "<your api key>"',
    'secret_name = "database-credentials-for-staging"',
    "def login(user: str, password: str) -> None:",
    "task-force-skeleton-1 risk-based-approach-to-everything-2",
    "see https://example.com/a:b/c@d and user@example.com",
    'uuid = "123e4567-e89b-12d3-a456-426614174000"',
    "-----BEGIN " + "CERTIFICATE-----",
    "-----BEGIN " + "PUBLIC KEY-----",
    'if line.startswith("BEGIN PRIVATE KEY"):',
    "ghp_short",
    "",
]


@pytest.mark.parametrize("line", HARMLESS)
def test_ordinary_code_and_lock_files_pass(line: str) -> None:
    assert kinds_of_secret(line) == ()


def test_hundreds_of_hashes_of_lock_files_pass() -> None:
    source = random.Random(7)
    for _ in range(300):
        digest = source.randbytes(64)
        coded = base64.b64encode(digest).decode()
        assert kinds_of_secret(f'      "integrity": "sha512-{coded}",') == ()
        assert kinds_of_secret(f"example.com/x v1.0.0/go.mod h1:{coded[:43]}=") == ()
        assert kinds_of_secret(f'{{ file = "x.whl", hash = "sha256:{digest.hex()[:64]}" }},') == ()


def test_our_own_code_passes() -> None:
    package = Path(pushpals.__file__).parent / "policy"
    texts = {str(path): path.read_text() for path in package.rglob("*.py")}
    assert len(texts) > 10
    assert [finding for path, text in texts.items() for finding in find_secrets_in_text(text, path)] == []


def test_a_diff_is_searched_in_its_added_lines_only() -> None:
    token = SECRETS["installation token"]
    diff = f"diff --git a/x b/x\n@@ -1,2 +1,3 @@\n-{token}\n {token}\n+new\n+{token}\n"
    (finding,) = find_secrets(diff)
    assert (finding.path, finding.line) == ("x", 3)
    assert find_secrets(diff.encode()) == (finding,)


def test_a_diff_that_cannot_be_read_is_a_finding() -> None:
    (finding,) = find_secrets("no diff")
    assert (finding.rule, finding.blocking) == ("diff", True)


@given(st.integers(0, 20_000), st.integers(0, 20_000))
def test_a_secret_is_found_wherever_it_stands_in_a_long_line(before: int, after: int) -> None:
    assert kinds_of_secret("." * before + " " + SECRETS["fine-grained token"] + " " + "." * after)


@given(st.text(max_size=200))
def test_any_line_gets_an_answer(line: str) -> None:
    assert len(set(kinds_of_secret(line))) == len(kinds_of_secret(line))
