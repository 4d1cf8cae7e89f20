"""Which commands need no yes, which are to be written plainly, and which a person decides on."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushpals.policy.allowlist import Allowlist, Ruling, judge, stacks_of
from pushpals.policy.shell import Simple, Unreadable, read_shell

EVERYTHING = Allowlist(frozenset({"python", "node", "go", "rust", "make"}))


@pytest.mark.parametrize(
    "command",
    [
        "ls -la src",
        "cat a.py | head -50 | grep -n 'def f'",
        'cd src && grep -rn "a b" . || true',
        "sed -n '10,20p' a.py",
        "sed -n '/def f/,/return/p;$p' a.py",
        "find . -name '*.py' -not -path './.git/*'",
        "git --no-pager diff HEAD -- a.py; git status",
        "python -m pytest -q tests/test_a.py::test_b -x 2>&1 | tail -20",
        "PYTHONPATH=src python3 -W error -m unittest discover",
        "timeout 60 pytest -k 'not slow' > /tmp/out.txt 2>/dev/null",
        "python tests/test_a.py",
        "python repro.py; echo $?",
        "python -m coverage run -m pytest",
        "npm run lint -- --fix\nnpx eslint src",
        "node --test",
        "go test -count=1 ./...",
        "cargo clippy --all",
        "make -s test lint",
        "rm -f src/old.py",
        "mv src/a.py src/b.py && mkdir -p src/new",
        "sort names.txt | uniq -c # how often",
        "echo 'it is $HOME' >> notes.txt",
        "grep -rl old . | xargs grep -n new",
        "/usr/bin/ls",
        "timeout 5 python -m mypy src",
        "cd /workspace && pwd",
        "cp a.py /tmp/a.py && rm /tmp/a.py",
        "ls > /dev/stderr",
        "ls \\\n -l",
    ],
)
def test_what_looks_tests_or_tidies_needs_no_yes(command: str) -> None:
    assert judge(command, EVERYTHING, {"repro.py"}).ruling is Ruling.ALLOWED


@pytest.mark.parametrize(
    ("command", "word"),
    [
        ("pip install requests", "`pip`"),
        ("python -m pip install requests", "`python -m pip`"),
        ("make deploy", "`make`"),
        ("make test deploy", "`make`"),
        ("rm -rf build", "`rm`"),
        ("rm *.py", "`rm`"),
        ("rm ../a", "`../a`"),
        ("ls && curl example.org", "`curl`"),
        ("pytest; rm -r .", "`rm`"),
        ("ls | sh", "`sh`"),
        ("eval ls", "`eval`"),
        ("bash run.sh", "`bash`"),
        ("./deploy.sh", "`./deploy.sh`"),
        ("python deploy.py", "`deploy.py`"),
        ("python tests/../deploy.py", "`tests/../deploy.py`"),
        ("find . -name x -delete", "`-delete`"),
        ("find . -exec rm {} +", "in braces"),
        ("git commit -m x", "`git`"),
        ("git -c core.pager=sh diff", "`git`"),
        ("git diff --outp=/tmp/x", "`--outp=/tmp/x`"),
        ("git grep -Oless x", "`-Oless`"),
        ("sed -i s/a/b/ a.py", "`sed`"),
        ("sed -n 1p a.py -i", "`sed`"),
        ("sed -n 'w x' a.py", "`sed`"),
        ("sed -n -e 1p -e 'e ls' a.py", "`sed`"),
        ("sort -uo x y", "`-o`"),
        ("sort --compress=sh x", "`--compress-program`"),
        ("LD_PRELOAD=x.so ls", "`LD_PRELOAD`"),
        ("PATH=. ls", "`PATH`"),
        ("cat a > /etc/passwd", "`/etc/passwd`"),
        ("cat a > ~/x", "`~/x`"),
        ("cat a >> src/../../x", "`src/../../x`"),
        ("cat a | tee /etc/x", "`/etc/x`"),
        ("cat a > /tmp/../etc/x", "`/tmp/../etc/x`"),
        ("cat a > /dev/nullx", "`/dev/nullx`"),
        ("timeout 5 pip install x", "`pip`"),
        ("xargs rm < names", "`xargs rm`"),
        ("npm run deploy", "`npm"),
        ("npm install left-pad", "`npm"),
        ("go test -exec sh ./...", "`-exec`"),
        ("'pip' install x", "`pip`"),
        ("p\\ip install x", "`pip`"),
        ("p'i'p install x", "`pip`"),
    ],
)
def test_what_is_unusual_is_a_person_s_to_decide(command: str, word: str) -> None:
    verdict = judge(command, EVERYTHING)
    assert verdict.ruling is not Ruling.ALLOWED
    assert word.strip("`") in verdict.why


@pytest.mark.parametrize(
    "command",
    [
        "cat $(ls)",
        "cat `ls`",
        'echo "$(ls)"',
        'echo "`ls`"',
        "ls $HOME",
        "ls ${HOME}",
        "echo $((1+1))",
        "cat <<EOF\nx\nEOF",
        "cat <<< x",
        "diff <(ls) <(ls)",
        "(ls)",
        "{ ls; }",
        "ls &",
        "ls & pip install x",
        "for f in *; do cat $f; done",
        "if ls; then ls; fi",
        "! ls",
        "f() { ls; }",
        "ls {a,b}",
        "cat 'open",
        'cat "open',
        "cat $'a\\nb'",
        "ls >",
        "",
        "# nothing",
        "ls\x00",
        "ls \u202egpj.x",
        "ls\u200b",
        "python -c 'print(1)'",
        "python - < a.py",
        "node -e 1",
        "ls " + "a" * 5000,
    ],
)
def test_what_cannot_be_told_from_the_text_is_to_be_written_plainly(command: str) -> None:
    assert judge(command, EVERYTHING).ruling is Ruling.REWRITE


def test_the_runners_of_another_stack_are_unusual() -> None:
    assert judge("cargo test", Allowlist(frozenset({"python"}))).ruling is Ruling.ASK
    assert judge("pytest", Allowlist()).ruling is Ruling.ASK
    assert judge("pytest", Allowlist(), {"pytest"}).ruling is Ruling.ASK


def test_checks_and_what_a_person_allowed_run_as_they_are_written() -> None:
    allowed = Allowlist(exact=frozenset({"./ci.sh && echo $DONE", "make deploy"}))
    assert judge(" ./ci.sh && echo $DONE ", allowed).ruling is Ruling.ALLOWED
    assert judge("./ci.sh && echo $OTHER", allowed).ruling is Ruling.REWRITE
    assert judge("make deploy && ls", allowed).ruling is Ruling.ALLOWED
    assert judge("make deploy now", allowed).ruling is Ruling.ASK


@pytest.mark.parametrize(
    ("command", "ruling"),
    [
        ("npm run build", Ruling.ALLOWED),
        ("npm run build -- --prod", Ruling.ASK),
        ("make docs", Ruling.ALLOWED),
        ("make docs html | tail", Ruling.ALLOWED),
        ("make docs && make deploy", Ruling.ASK),
        ("make", Ruling.ASK),
        ("remake docs", Ruling.ASK),
    ],
)
def test_the_policy_s_own_entries_are_exact_unless_they_end_in_a_star(command: str, ruling: Ruling) -> None:
    assert judge(command, Allowlist(listed=("npm run build", "make docs *"))).ruling is ruling


@pytest.mark.parametrize(
    ("names", "checks", "stacks"),
    [
        (["pyproject.toml", "Makefile"], [], {"python", "make"}),
        (["auth/", "README.md"], ["python -m unittest"], {"python"}),
        (["package.json"], [], {"node"}),
        (["go.mod", "Cargo.toml"], [], {"go", "rust"}),
        ([], [], set()),
    ],
)
def test_stacks_are_seen_from_the_root_and_the_checks(
    names: list[str], checks: list[str], stacks: set[str]
) -> None:
    assert stacks_of(names, checks) == stacks


def test_a_line_is_read_as_a_shell_reads_it() -> None:
    assert read_shell('A=1 x \'a b\'"c\\""\\ d 2>e <f; y>>g 2>&1 #h\nz&>i') == (
        Simple(["x", 'a bc" d'], ["A=1"], ["e"], ["f"]),
        Simple(["y"], [], ["g"], []),
        Simple(["z"], [], ["i"], []),
    )


@given(st.lists(st.text(st.characters().filter(str.isprintable), min_size=1), min_size=1))
def test_quoted_words_come_back_as_they_were(words: list[str]) -> None:
    [simple] = read_shell("run " + shlex.join(words))
    assert simple.words == ["run", *words]


@given(st.text(st.sampled_from("ab'\"\\ $`|&;<>(){}#!~*=\n2"), max_size=40))
def test_no_line_stops_the_reader_and_no_unknown_program_passes(line: str) -> None:
    try:
        parts = read_shell(line)
    except Unreadable:
        parts = ()
    if any(part.words for part in parts):
        assert judge(line, EVERYTHING).ruling is Ruling.ASK
